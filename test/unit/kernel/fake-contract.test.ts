import { describe } from 'vitest';
import { FakeKernel } from '../../../src/kernel/index.js';
import { kernelContract } from '../../kernel-contract/contract.js';

describe('the fake kernel', () => {
  kernelContract(() => {
    const kernel = new FakeKernel({ sandbox: '/run/netns/test' });
    return Promise.resolve({
      kernel,
      plantForeign: (rule) => settled(() => kernel.plantForeign(rule)),
      changeAddress: () => settled(() => kernel.announce()),
      vanish: () => settled(() => kernel.vanish()),
      close: () => kernel.close(),
    });
  });
});

function settled(act: () => void): Promise<void> {
  act();
  return Promise.resolve();
}
