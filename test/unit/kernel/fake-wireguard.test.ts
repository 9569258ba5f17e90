import { expect, it } from 'vitest';
import { FakeKernel, errnoName } from '../../../src/kernel/index.js';
import { ruleKey, type Op } from '../../../src/model/index.js';
import { add, set } from '../../kernel-contract/rules.js';
import { device, link, peer } from '../../kernel-contract/wireguard-cases.js';

const refused = async (kernel: FakeKernel, ...ops: Op[]): Promise<string[]> =>
  (await kernel.apply(ops)).map(({ index, error }) => `${index} ${errnoName(error.errno)}`);

it('a kernel without WireGuard says so', async () => {
  const kernel = new FakeKernel();
  kernel.setWireguard(false);
  expect(await refused(kernel, add(link), add(device))).toEqual(['0 EOPNOTSUPP', '1 EOPNOTSUPP']);
  await expect(kernel.wireguardPeers()).rejects.toMatchObject({ code: 'failed_precondition' });
  kernel.setWireguard(true);
  expect(await refused(kernel, add(link), add(device))).toEqual([]);
});

it('a peer with a session stays where it is until the session is too old', async () => {
  const kernel = new FakeKernel();
  const moved = { ...peer, endpoint: { address: '198.51.100.7', port: 1024 } };
  const held = async (): Promise<unknown> =>
    (await kernel.observe({ sysctls: [] })).own.get(ruleKey(peer));
  expect(await refused(kernel, add(link), add(device), add(moved))).toEqual([]);
  kernel.setHandshakeAge(peer.device, peer.publicKey, 5);
  expect(await kernel.wireguardPeers()).toMatchObject([{ handshakeAgeS: 5 }]);
  expect(await refused(kernel, set({ ...peer, keepaliveS: 25 }))).toEqual([]);
  expect(await held()).toEqual({ ...moved, keepaliveS: 25, live: true });
  kernel.setHandshakeAge(peer.device, peer.publicKey, 200);
  expect(await refused(kernel, set(peer))).toEqual([]);
  expect(await held()).toEqual(peer);
});
