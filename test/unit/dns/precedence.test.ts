import { describe, expect, it } from 'vitest';
import { answerName, answerVip, type View } from '../../../src/dns/zone.js';
import type { NetworkNames } from '../../../src/dns/index.js';
import { recordType } from '../../../src/dns/record.js';
import type { Endpoint } from '../../../src/model/index.js';
import { endpoint, namesOf, service } from './mesh.js';

function view(...networks: readonly NetworkNames[]): View {
  return { id: 0, networks, domain: 'mesh.internal', ttlS: 5, serial: 1, random: () => 0.999 };
}

/** Last bytes of the IPv4 addresses that a name stands for. */
function hosts(of: View, name: string): readonly number[] | undefined {
  const answer = answerName(of, { name, type: recordType.A });
  return answer?.answers.map(({ data }) => data.readUInt8(3));
}

const shop = service('shop', { vips: ['10.65.0.200'] });

describe('services and tasks of one name', () => {
  it('the service wins, whatever its network', () => {
    const tasks = [endpoint('shop', 2, []), endpoint('shop.back', 3, [])];
    const of = view(namesOf('front', [], tasks), namesOf('back', [shop], []));
    for (const name of ['shop', 'shop.back', 'shop.mesh.internal', 'shop.back.mesh.internal']) {
      expect(hosts(of, name), name).toEqual([200]);
    }
    // Of that network it is the task.
    expect(hosts(of, 'shop.front')).toEqual([2]);
  });

  it('the service wins over the tasks of another one', () => {
    const odd = [
      service('tasks.web', { vips: ['10.64.0.201'] }),
      service('web', { vips: ['10.64.0.200'] }),
    ];
    const front = namesOf('front', [odd[1]!], [endpoint('web-1', 2, ['web'])]);
    expect(hosts(view(front), 'tasks.web')).toEqual([2]);
    expect(hosts(view(front, namesOf('back', odd, [])), 'tasks.web')).toEqual([201]);
  });

  it('of two networks with one name the first one asked wins', () => {
    const other = service('shop', { vips: ['10.64.0.77'] });
    const [front, back] = [namesOf('front', [other], []), namesOf('back', [shop], [])];
    expect(hosts(view(front, back), 'shop')).toEqual([77]);
    expect(hosts(view(back, front), 'shop')).toEqual([200]);
    expect(hosts(view(front, back), 'shop.back')).toEqual([200]);
  });
});

describe('an alias', () => {
  const web = service('web', { vips: ['10.64.0.200'], aliases: ['shop', 'web-1'] });
  const front = namesOf('front', [web], [endpoint('web-1', 2, ['web'])]);

  it('gives way to the name of a service, whatever its network', () => {
    const of = view(front, namesOf('back', [shop], [endpoint('shop-1', 3, ['shop'])]));
    expect(hosts(of, 'shop')).toEqual([200]);
    expect(
      answerName(of, { name: 'shop', type: recordType.TXT })?.answers[0]!.data.toString(),
    ).toContain('service=shop');
    expect(hosts(of, 'tasks.shop')).toEqual([3]);
    expect(hosts(of, 'tasks.shop.front')).toEqual([2]);
    expect(hosts(view(front), 'tasks.shop')).toEqual([2]);
  });

  it('wins over tasks', () => {
    expect(hosts(view(front), 'web-1')).toEqual([200]);
    expect(hosts(view(front), 'web-1.front')).toEqual([200]);
  });
});

describe('the VIP of a service', () => {
  const names = namesOf('back', [shop, service('bare', { endpointMode: 'dnsrr' })], []);
  const refused = (): readonly Endpoint[] => {
    throw new Error('who is on the network is not asked');
  };
  const of = view({ ...names, endpointsOf: refused, tasks: refused });

  it('is told without a look at who is on the network', () => {
    for (const type of [recordType.A, recordType.AAAA, recordType.ANY]) {
      expect(answerVip(of, { name: 'shop', type })).toBeDefined();
    }
    expect(answerVip(of, { name: 'bare', type: recordType.A })).toBeUndefined();
    expect(answerVip(of, { name: 'none', type: recordType.A })).toBeUndefined();
  });
});
