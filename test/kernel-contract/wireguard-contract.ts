import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { errnoName, type Kernel } from '../../src/kernel/index.js';
import type { Op } from '../../src/model/index.js';
import { textOf, turns, type NetworkSubject } from './network-contract.js';
import { add, remove, set } from './rules.js';
import { device, link, peer, wireguardCases } from './wireguard-cases.js';

/** What every implementation of the port does alike with WireGuard. */
export function wireguardContract(
  open: () => Promise<Pick<NetworkSubject, 'kernel' | 'close'>>,
): void {
  let subject: Pick<NetworkSubject, 'kernel' | 'close'>;
  let kernel: Kernel;

  beforeEach(async () => {
    subject = await open();
    kernel = subject.kernel;
  });
  afterEach(() => subject.close());

  const apply = async (...ops: Op[]): Promise<string[]> =>
    (await kernel.apply(ops)).map(({ index, error }) => `${index} ${errnoName(error.errno)}`);

  it.each(wireguardCases)('$name', async ({ steps }) => {
    for (const { ops, refused, holds } of steps) {
      expect(await apply(...ops)).toEqual(refused ?? []);
      expect(textOf((await kernel.observe({ sysctls: [] })).own)).toBe(inOrder(holds));
    }
  });

  it('never shows a private key', async () => {
    expect(await apply(add(link), add(device))).toEqual([]);
    const refused = await kernel.apply([add(device)]);
    const { own } = await kernel.observe({ sysctls: [] });
    const rules = [...own.values()];
    const shown = [
      inspect([rules, refused, device], { depth: null, showHidden: true }),
      JSON.stringify([rules, device]),
      String(refused[0]?.error),
    ].join('\n');
    const secret = Buffer.from(device.privateKey!.reveal());
    for (const form of ['base64', 'hex', 'base64url'] as const) {
      expect(shown).not.toContain(secret.toString(form));
    }
    expect(shown).not.toContain(secret.join(','));
    expect(shown).not.toContain(secret.join(', '));
    expect(shown).toContain(device.publicKey);
  });

  it('does not call back for anything that was applied here', async () => {
    let calls = 0;
    const stop = await kernel.watch(() => calls++);
    const up = { ...link, up: true };
    expect(await apply(add(up), add(device), add(peer))).toEqual([]);
    await turns();
    expect(await apply(set({ ...up, mtu: 1400 }), set({ ...device, port: 51822 }))).toEqual([]);
    await turns();
    expect(await apply(remove(peer), remove(device), remove(up))).toEqual([]);
    await turns();
    expect(calls).toBe(0);
    await stop();
  });

  it('knows of no session that nobody had', async () => {
    expect(await apply(add(link), add(device), add(peer))).toEqual([]);
    const { publicKey, endpoint } = peer;
    expect(await kernel.wireguardPeers()).toEqual([
      { device: link.name, publicKey, endpoint, receivedBytes: 0, sentBytes: 0 },
    ]);
  });
}

function inOrder(lines: string): string {
  return lines.trim().split('\n').sort().join('\n');
}
