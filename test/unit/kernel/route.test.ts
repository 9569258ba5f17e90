import { describe, expect, it } from 'vitest';
import { MessageWriter } from '../../../src/kernel/linux/message.js';
import {
  RouteTable,
  decodeRoute,
  decodeRouteTo,
  encodeRouteDump,
  encodeRouteOp,
  encodeRouteTo,
} from '../../../src/kernel/linux/route.js';
import { Devices } from '../../../src/kernel/linux/rtnetlink.js';
import { errno } from '../../../src/kernel/index.js';
import { ruleKey, type Op, type RouteRule, type Rule } from '../../../src/model/index.js';
import { expectDecoded, readCaptured } from '../../support/captured.js';
import { describeMessages, expectGolden } from '../../support/netlink-text.js';
import { expectNoThrow } from '../../support/random-bytes.js';
import { rtnetlinkLayout } from '../../support/rtnetlink-layout.js';

const golden = new URL('../../golden/netlink/', import.meta.url);
const devices = new Devices([
  { index: 1, name: 'lo' },
  { index: 2, name: 'eth0' },
  { index: 3, name: 'mesh0' },
]);
const route = (rule: Partial<RouteRule>): RouteRule => ({
  kind: 'route',
  type: 'unicast',
  destination: '10.7.0.0/16',
  table: 254,
  ...rule,
});
const local4 = route({
  type: 'local',
  destination: '10.96.0.1/32',
  table: 255,
  device: 'mesh0',
  source: '192.168.5.1',
});
const local6 = route({ ...local4, destination: 'fd96::1/128', source: 'fd05::1' });
const ops: { name: string; verb: Op['verb']; rule: RouteRule }[] = [
  {
    name: 'add a route by a gateway',
    verb: 'add',
    rule: route({ device: 'eth0', gateway: '192.168.5.2', source: '192.168.5.1' }),
  },
  {
    name: 'add a default route in a table above 255',
    verb: 'add',
    rule: route({ destination: '::/0', table: 70000, device: 'eth0', gateway: 'fd05::2' }),
  },
  {
    name: 'add a route with a metric',
    verb: 'add',
    rule: route({ device: 'eth0', metric: 70000 }),
  },
  {
    name: 'add an IPv6 route with a metric',
    verb: 'add',
    rule: route({ destination: '::/0', device: 'eth0', metric: 7 }),
  },
  { name: 'delete a route with a metric', verb: 'delete', rule: route({ metric: 70000 }) },
  { name: 'add a blackhole', verb: 'add', rule: route({ type: 'blackhole' }) },
  { name: 'add a local route: in front of the kernel’s', verb: 'add', rule: local4 },
  { name: 'set a local route: anew', verb: 'set', rule: local4 },
  { name: 'delete a local route', verb: 'delete', rule: local4 },
  { name: 'add an IPv6 local route: instead of the kernel’s', verb: 'add', rule: local6 },
  {
    name: 'add an IPv6 local route without an address',
    verb: 'add',
    rule: route({ ...local6, device: 'lo' }),
  },
  { name: 'delete an IPv6 local route', verb: 'delete', rule: local6 },
  { name: 'set a route', verb: 'set', rule: route({ device: 'eth0' }) },
  { name: 'delete a route', verb: 'delete', rule: route({ device: 'eth0' }) },
];

describe('encoding routes', () => {
  it('is as in the golden file', () => {
    const blocks = new Map<string, string>();
    for (const { name, verb, rule } of ops) {
      const writer = new MessageWriter();
      expect(encodeRouteOp(writer, verb, rule, 5, devices)).toBe(0);
      blocks.set(name, describeMessages(writer.bytes(), rtnetlinkLayout));
    }
    const requests = {
      dump: (writer: MessageWriter) => encodeRouteDump(writer, 6),
      'ask for the way to an IPv4 address': (writer: MessageWriter) =>
        encodeRouteTo(writer, '10.96.0.1', 7),
      'ask for the way to an IPv6 address': (writer: MessageWriter) =>
        encodeRouteTo(writer, 'fd96::1', 8),
    };
    for (const [name, encode] of Object.entries(requests)) {
      const writer = new MessageWriter();
      encode(writer);
      blocks.set(name, describeMessages(writer.bytes(), rtnetlinkLayout));
    }
    expectGolden(new URL('route.txt', golden), 'Requests about routes.', blocks);
  });

  it('writes nothing for an unknown device', () => {
    const writer = new MessageWriter();
    const rule = route({ device: 'eth9' });
    expect(encodeRouteOp(writer, 'add', rule, 5, devices)).toBe(errno.ENODEV);
    expect(writer.length).toBe(0);
  });
});

describe('decoding routes', () => {
  const file = new URL('route-replies.txt', golden);
  const captured = readCaptured(file);
  const bodies = captured.map(({ body }) => body);

  it('is as in the golden file', () => {
    expectDecoded(file, captured, (body) => decodeRoute(body, devices));
  });

  it('survives anything', () => {
    expectNoThrow(bodies, (body) => decodeRoute(body, devices));
    expectNoThrow(bodies, (body) => {
      const table = new RouteTable(devices);
      table.add(body);
      table.add(body);
      return [...table.rules()];
    });
  });

  it('reports the source that counts', () => {
    const rulesOf = (order: readonly Buffer[]): Rule[] => {
      const table = new RouteTable(devices);
      for (const body of order) table.add(body);
      return [...table.rules()].filter((rule) => ruleKey(rule) === ruleKey(local4));
    };
    expect(rulesOf(bodies)).toEqual([local4]);
    expect(rulesOf(bodies.toReversed())).toEqual([{ ...local4, source: '10.96.0.1' }]);
  });
});

describe('decoding the way to an address', () => {
  const file = new URL('route-to-replies.txt', golden);
  const captured = readCaptured(file);

  it('is as in the golden file', () => {
    expectDecoded(file, captured, (body) => decodeRouteTo(body, devices));
  });

  it('survives anything', () => {
    const samples = captured.map(({ body }) => body);
    expectNoThrow(samples, (body) => decodeRouteTo(body, devices));
  });
});
