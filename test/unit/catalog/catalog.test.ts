import { describe, expect, it } from 'vitest';
import {
  Ed25519Proofs,
  FirstSightTrust,
  decodeMessage,
  encodeMessage,
  type Message,
  type Section,
} from '../../../src/catalog/index.js';
import { CheapProofs } from '../../support/cheap-proofs.js';
import { Mesh, linesOf, type Peer } from './pair.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

function put(peer: Peer, key: string, value: string, network = ''): number {
  return peer.catalog.put(key, bytes(value), network);
}

describe('Catalog', () => {
  it('shows rows of others, changed and deleted ones too, with Ed25519', () => {
    const mesh = new Mesh();
    const a = mesh.add('a', { proofs: new Ed25519Proofs(new Uint8Array(32).fill(1)) });
    const b = mesh.add('b', { proofs: new Ed25519Proofs(new Uint8Array(32).fill(2)) });
    put(a, 'service/web', '1');
    put(a, 'service/db', '1');
    mesh.run(300);
    put(a, 'service/web', '2');
    a.catalog.delete('service/db', mesh.nowMs);
    mesh.run(300);
    expect(linesOf(b.catalog)).toEqual(['a service/web=2']);
    const told = b.changes.map(
      ({ row, gone }) => `${row.key} ${row.version}${gone ? ' gone' : ''}`,
    );
    expect(told).toEqual(['service/web 2', 'service/db 3', 'service/web 4', 'service/db 3 gone']);
  });

  it('gets by the exchanges what gossip did not bring', () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.add('a'), mesh.add('b')];
    mesh.gossips = false;
    for (let row = 0; row < 50; row++) put(a, `k${row}`, 'v');
    mesh.run(2_500);
    expect(b.catalog.size().rows).toBe(50);
  });

  it('takes rows that are too many or too large for gossip', () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.add('a'), mesh.add('b')];
    put(a, 'large', 'x'.repeat(10_000));
    for (let row = 0; row < 2_000; row++) put(a, `k${row}`, 'v');
    mesh.run(1_500);
    expect(b.catalog.size().rows).toBe(2_001);
  });

  it('waits longer for who answers late, and asks it no oftener than need be', () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.add('a'), mesh.add('b')];
    mesh.delaysMs.set('a', 2_500);
    for (let row = 0; row < 5_000; row++) put(a, `k${row}`, 'v'.repeat(50));
    mesh.run(60_000);
    expect(b.catalog.size().rows).toBe(5_000);
    const chunks = mesh.sent.filter(({ from, payload }) => from === 'a' && payload.length > 10_000);
    expect(chunks.length).toBeLessThan(20);
  });

  it('serves rows of an owner only while it is up, and drops them in the end', () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.add('a'), mesh.add('b', { tunables: { reapMs: 60_000 } })];
    put(a, 'k', 'v');
    mesh.run(300);
    b.catalog.memberChanged('a', 'failed', mesh.nowMs);
    mesh.run(300);
    expect(linesOf(b.catalog)).toEqual(['a k=v (out of service)']);
    b.catalog.memberChanged('a', 'up', mesh.nowMs);
    mesh.run(300);
    expect(linesOf(b.catalog)).toEqual(['a k=v']);
    b.catalog.memberChanged('a', 'left', mesh.nowMs);
    mesh.peers.shift();
    mesh.run(62_000);
    expect(linesOf(b.catalog)).toEqual([]);
    const told = b.changes.map(({ inService, gone }) => (gone ? 'gone' : inService ? 'in' : 'out'));
    expect(told).toEqual(['in', 'out', 'in', 'out', 'gone']);
  });

  it.each([
    ['saved', true],
    ['lost', false],
  ])('outdoes the rows of a former life, its state %s', (_, isSaved) => {
    const mesh = new Mesh();
    const [a, b] = [mesh.add('a'), mesh.add('b')];
    put(a, 'old', '1');
    put(a, 'both', '1');
    mesh.run(300);
    const before = a.epoch;
    mesh.restart(a, isSaved ? { lastEpoch: before } : {});
    put(a, 'both', '2');
    mesh.run(5_000);
    expect(linesOf(b.catalog)).toEqual(['a both=2']);
    expect(a.epoch).toBeGreaterThan(before);
  });

  it.each([
    ['gossip', true],
    ['exchanges', false],
  ])('lets an owner outdo a life whose rows were dropped, by %s', (_, gossips) => {
    const mesh = new Mesh();
    const [a, b] = [mesh.add('a'), mesh.add('b', { tunables: { reapMs: 1_000 } })];
    put(a, 'old', '1');
    mesh.run(300);
    const before = a.epoch;
    b.catalog.memberChanged('a', 'failed', mesh.nowMs);
    mesh.peers.shift();
    mesh.run(3_000);
    mesh.peers.unshift(a);
    b.catalog.memberChanged('a', 'up', mesh.nowMs);
    mesh.restart(a, { random: () => 0 });
    mesh.gossips = gossips;
    put(a, 'new', '1');
    mesh.run(3_000);
    expect(linesOf(b.catalog)).toEqual(['a new=1']);
    expect(a.epoch).toBeGreaterThan(before);
  });

  it('lets an owner outdo a life that is known by a network it takes no more', () => {
    const former = new Mesh();
    const [a] = [former.add('a'), former.add('x')];
    put(a, 'old', '1', 'blue');
    former.run(100);
    const messages = former.sent.map(({ payload }) => decodeMessage(payload) as Message);
    const sections = messages
      .flatMap((message) => (message.type === 'news' ? message.sections : []))
      .filter(({ network }) => network === 'blue');
    const mesh = new Mesh();
    mesh.gossips = false;
    const b = mesh.add('b', { interest: ['blue'] });
    b.catalog.receive(encodeMessage({ type: 'news', sections }), undefined, mesh.nowMs);
    put(mesh.add('a', { random: () => 0 }), 'new', '1');
    expect(linesOf(b.catalog)).toEqual(['a blueold=1']);
    mesh.run(20_000);
    expect(linesOf(b.catalog)).toEqual(['a new=1']);
  });

  it('takes networks of its interest, of its own rows, and ""', () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.add('a'), mesh.add('b', { interest: ['red'] })];
    put(a, 'k', 'v');
    put(a, 'k', 'v', 'red');
    put(a, 'k', 'v', 'blue');
    mesh.run(3_000);
    expect(linesOf(b.catalog)).toEqual(['a k=v', 'a redk=v']);
    put(b, 'own', 'v', 'blue');
    mesh.run(5_000);
    expect(linesOf(b.catalog)).toEqual(['a bluek=v', 'a k=v', 'a redk=v', 'b blueown=v']);
    b.catalog.setInterest([]);
    expect(linesOf(b.catalog)).toEqual(['a bluek=v', 'a k=v', 'b blueown=v']);
  });

  it('meets those that take the same network soon, however many do not', () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.add('a', { interest: ['red'] }), mesh.add('b', { interest: ['red'] })];
    for (let other = 0; other < 40; other++) mesh.add(`other-${other}`);
    mesh.run(300);
    for (const peer of [a, b])
      for (const mark of peer.complete) peer.catalog.applied(mark, mesh.nowMs);
    mesh.run(300);
    mesh.gossips = false;
    put(a, 'k', 'v', 'red');
    mesh.run(8_000);
    expect(linesOf(b.catalog)).toEqual(['a redk=v']);
  });

  it('ends tombstones that all have acknowledged; who slept gets everything anew', () => {
    const mesh = new Mesh();
    const tunables = { tombstoneMinMs: 1_000, compactIntervalMs: 500 };
    const a = mesh.add('a', { tunables });
    const [b, c] = [mesh.add('b'), mesh.add('c')];
    put(a, 'k1', 'v');
    put(a, 'k2', 'v');
    mesh.run(3_000);
    a.catalog.memberChanged('c', 'failed', mesh.nowMs);
    mesh.peers.pop();
    const version = a.catalog.delete('k1', mesh.nowMs)!;
    mesh.run(1_000);
    expect(a.catalog.acknowledged(version)).toEqual({ have: [], lack: ['b'] });
    mesh.run(3_000);
    expect(a.catalog.size().rows).toBe(2);
    for (const mark of b.complete) b.catalog.applied(mark, mesh.nowMs);
    mesh.run(1_000);
    expect(a.catalog.acknowledged(version)).toEqual({ have: ['b'], lack: [] });
    mesh.run(2_000);
    expect([a, b].map(({ catalog }) => catalog.size().rows)).toEqual([1, 1]);
    mesh.peers.push(c);
    a.catalog.memberChanged('c', 'up', mesh.nowMs);
    expect(linesOf(c.catalog)).toEqual(['a k1=v', 'a k2=v']);
    mesh.run(5_000);
    expect(linesOf(c.catalog)).toEqual(['a k2=v']);
  });

  it('repeats an acknowledgement until the owner confirms it, then never again', () => {
    const mesh = new Mesh();
    const [a, b] = [mesh.add('a'), mesh.add('b')];
    put(a, 'k', 'v');
    mesh.run(300);
    const told = (): number =>
      mesh.sent.filter(({ payload }) => (decodeMessage(payload) as Message).type === 'applied')
        .length;
    mesh.peers.shift(); // The owner hears nothing.
    for (const mark of b.complete) b.catalog.applied(mark, mesh.nowMs);
    mesh.run(4_000);
    expect(told()).toBe(3);
    mesh.peers.unshift(a);
    mesh.run(60_000);
    expect(told()).toBe(4);
  });
});

describe('what a peer may not do', () => {
  /** News of `a` as it sends them, and a catalog that has seen nothing yet. */
  function scene(): { mesh: Mesh; section: Section; victim: Peer } {
    const mesh = new Mesh();
    const [a] = [mesh.add('a'), mesh.add('b')];
    put(a, 'k', 'v');
    mesh.run(100);
    const messages = mesh.sent.map(({ payload }) => decodeMessage(payload) as Message);
    const section = messages.find((message) => message.type === 'news')!.sections[0]!;
    const victim = new Mesh().add('victim', { tunables: { valueBytesMax: 100, ownersMax: 3 } });
    return { mesh, section, victim };
  }

  const forgeries: readonly (readonly [string, string, (real: Section) => Section])[] = [
    [
      'change a value',
      'signature',
      (s) => ({ ...s, rows: [{ ...s.rows[0]!, value: bytes('w') }] }),
    ],
    ['change a key', 'signature', (s) => ({ ...s, rows: [{ ...s.rows[0]!, key: 'w' }] })],
    ['change a version', 'signature', (s) => ({ ...s, rows: [{ ...s.rows[0]!, version: 99 }] })],
    ['speak for another', 'signature', (s) => ({ ...s, owner: 'c' })],
    ['change the epoch', 'signature', (s) => ({ ...s, epoch: s.epoch + 1 })],
    [
      'sign with its own key',
      'signature',
      (s) => ({ ...s, publicKey: new CheapProofs('m').publicKey }),
    ],
    ['send networks that nobody wants', 'interest', (s) => ({ ...s, network: 'red' })],
    ['move the floor', 'signature', (s) => ({ ...s, head: { ...s.head!, floor: 1 } })],
  ];

  it.each(forgeries)('%s', (_, reason, forge) => {
    const { section, victim } = scene();
    const payload = encodeMessage({ type: 'news', sections: [forge(section)] });
    victim.catalog.receive(payload, undefined, 1_000);
    expect(linesOf(victim.catalog)).toEqual([]);
    expect([...victim.catalog.refusals().keys()]).toEqual([reason]);
  });

  it('keeps to the first key of a name', () => {
    const { section, victim } = scene();
    const trust = new FirstSightTrust([['a', new Uint8Array(32)]]);
    const other = new Mesh().add('other', { trust });
    const payload = encodeMessage({ type: 'news', sections: [section] });
    victim.catalog.receive(payload, undefined, 1_000);
    other.catalog.receive(payload, undefined, 1_000);
    expect(linesOf(victim.catalog)).toEqual(['a k=v (out of service)']);
    expect([...other.catalog.refusals()]).toEqual([['key', 1]]);
  });

  it('hold rows back unnoticed, or end them', () => {
    const { mesh, section } = scene();
    const [, b] = mesh.peers as [Peer, Peer];
    put(mesh.peers[0]!, 'k2', 'v');
    const pull = { type: 'rows', from: 'a', id: 1, sections: [{ ...section, rows: [] }] } as const;
    b.catalog.receive(encodeMessage(pull), 'a', mesh.nowMs);
    expect([...b.catalog.refusals()]).toEqual([['unasked', 1]]);
    const lie = { ...section, rows: [], last: true };
    b.catalog.receive(encodeMessage({ type: 'news', sections: [lie] }), 'a', mesh.nowMs);
    expect(linesOf(b.catalog)).toEqual(['a k=v']);
  });

  it('make us hold or check more than the limits', () => {
    const mesh = new Mesh();
    const tunables = { rowsPerOwnerMax: 20, valueBytesMax: 50, ownersMax: 3, checksPerSecond: 200 };
    const b = mesh.add('b', { tunables });
    const a = mesh.add('a');
    // Its own limits are the usual ones: it may write what b will not hold.
    put(a, 'large', 'x'.repeat(60));
    for (let row = 0; row < 30; row++) put(a, `k${row}`, 'v');
    mesh.run(5_000);
    expect(b.catalog.size().rows).toBeLessThanOrEqual(20);
    for (const name of ['c', 'd', 'e', 'f']) put(mesh.add(name), 'k', 'v');
    mesh.run(5_000);
    expect(b.catalog.size().owners).toBe(3);
    const reasons = [...b.catalog.refusals().keys()].sort();
    expect(reasons).toEqual(['owners', 'rows', 'value-size']);
  });

  it('cost more than so many checks of signatures a second', () => {
    const { section, victim } = scene();
    let checks = 0;
    const proofs = new CheapProofs('victim');
    const verify = proofs.verify.bind(proofs);
    proofs.verify = (...args) => {
      checks++;
      return verify(...args);
    };
    const peer = new Mesh().add('victim', { proofs, tunables: { checksPerSecond: 100 } });
    for (let n = 0; n < 10_000; n++) {
      const head = { ...section.head!, version: n + 10 };
      const payload = encodeMessage({ type: 'news', sections: [{ ...section, head, rows: [] }] });
      peer.catalog.receive(payload, undefined, 1_000 + n / 10);
    }
    expect(checks).toBeLessThan(210);
    expect(peer.catalog.refusals().get('busy')).toBe(10_000 - checks);
    expect(victim.catalog.size().owners).toBe(1);
  });
});
