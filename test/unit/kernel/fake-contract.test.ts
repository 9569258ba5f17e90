import { describe } from 'vitest';
import { FakeKernel } from '../../../src/kernel/index.js';
import { ruleKey } from '../../../src/model/index.js';
import { kernelContract, type Subject } from '../../kernel-contract/contract.js';
import { networkContract } from '../../kernel-contract/network-contract.js';
import { wireguardContract } from '../../kernel-contract/wireguard-contract.js';

describe('the fake kernel', () => {
  kernelContract(open);
  networkContract(open);
  wireguardContract(open);
});

function open(): Promise<Subject> {
  const kernel = new FakeKernel({ sandbox: '/run/netns/test' });
  return Promise.resolve({
    kernel,
    plantForeign: (rule) => settled(() => kernel.plantForeign(rule)),
    changeAddress: () => settled(() => kernel.announce()),
    makeFarEnd: (name) =>
      settled(() => {
        kernel.plantFarEnd(name);
        kernel.announce();
      }),
    take: (rule) =>
      settled(() => {
        kernel.unplant(ruleKey(rule));
        kernel.announce();
      }),
    vanish: () => settled(() => kernel.vanish()),
    close: () => kernel.close(),
  });
}

function settled(act: () => void): Promise<void> {
  act();
  return Promise.resolve();
}
