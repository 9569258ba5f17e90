import { describe, expect, it } from 'vitest';
import type { Rule } from '../../../src/model/index.js';
import { sealAddress } from '../../../src/overlay/index.js';
import { wayTo } from '../../../src/rules/explain-way.js';
import { bookOf } from '../../support/rule-book.js';

const to = { address: '10.64.0.18', port: 80 };
const [device, mac] = ['meshx-4097', '02:4d:0a:40:00:12'];
const vtep = sealAddress('b');

function told(routes: readonly Rule[], at = vtep) {
  const rules: Rule[] = [
    { kind: 'neighbor', device, address: to.address, mac },
    { kind: 'fdb', device, mac, vtep: at },
    ...routes,
  ];
  return wayTo(to, 't18', { book: bookOf(rules), nodeOf: () => 'b' });
}

const seal = (generation: number): Rule => {
  const [name, metric] = [`meshw-${generation}`, 100 + generation];
  const destination = `${vtep}/128`;
  return { kind: 'route', type: 'unicast', destination, table: 254, device: name, metric };
};
const blackhole: Rule = {
  kind: 'route',
  type: 'blackhole',
  destination: 'fd6d:6573:6873::/48',
  table: 254,
};

describe('the way of a frame', () => {
  it.each<[string, readonly Rule[], string | undefined, string]>([
    ['by VXLAN', [], '192.0.2.2', 'by VXLAN (meshx-4097) to node b at 192.0.2.2'],
    ['over IPv6', [blackhole], 'fd00::2', 'by VXLAN (meshx-4097) to node b at fd00::2'],
    [
      'inside a seal',
      [blackhole, seal(0)],
      undefined,
      'by VXLAN (meshx-4097) inside the seal meshw-0 to node b',
    ],
    [
      'while keys change',
      [blackhole, seal(1), seal(0)],
      undefined,
      'by VXLAN (meshx-4097) inside the seal meshw-0 to node b',
    ],
    [
      'without a key',
      [blackhole],
      undefined,
      'no key is agreed with node b, so nothing is sent; meshctl doctor, on both nodes, may say why',
    ],
  ])('%s', (_what, routes, at, expected) => {
    expect(told(routes, at).detail).toBe(`10.64.0.18:80 is elsewhere: ${expected}`);
  });

  it('that goes nowhere is a fault', () => {
    expect(told([blackhole]).kernel).toBe('lacks');
    expect(told([blackhole, seal(0)]).kernel).toBe('holds');
  });

  it('to a task of this node is the bridge', () => {
    const { detail, rule } = wayTo(to, 't18', { book: bookOf([]), nodeOf: () => 'a' });
    expect(detail).toBe('10.64.0.18:80 is on this node: by the bridge into its sandbox');
    expect(rule).toBeUndefined();
  });
});
