import { describe, it } from 'vitest';
import {
  decodePolicy,
  encodePolicyDump,
  encodePolicyOp,
} from '../../../src/kernel/linux/policy.js';
import { MessageWriter } from '../../../src/kernel/linux/message.js';
import type { PolicyRule, Op } from '../../../src/model/index.js';
import { expectDecoded, readCaptured } from '../../support/captured.js';
import { describeMessages, expectGolden } from '../../support/netlink-text.js';
import { expectNoThrow } from '../../support/random-bytes.js';
import { rtnetlinkLayout } from '../../support/rtnetlink-layout.js';

const golden = new URL('../../golden/netlink/', import.meta.url);
const marked: PolicyRule = { kind: 'policy', family: 4, priority: 100, fwmark: 0x101, table: 1001 };
const ops: { name: string; verb: Op['verb']; rule: PolicyRule }[] = [
  { name: 'add a rule for a mark', verb: 'add', rule: marked },
  {
    name: 'add a rule for a masked mark and two prefixes',
    verb: 'add',
    rule: { ...marked, fwmask: 0xff00, from: '10.0.0.0/24', to: '10.96.0.1/32', table: 70000 },
  },
  {
    name: 'add an IPv6 rule',
    verb: 'add',
    rule: { kind: 'policy', family: 6, priority: 100, from: 'fd00::/8', table: 254 },
  },
  { name: 'set: the old one away, the new one added', verb: 'set', rule: marked },
  { name: 'delete', verb: 'delete', rule: marked },
];

describe('encoding policy rules', () => {
  it('is as in the golden file', () => {
    const blocks = new Map<string, string>();
    for (const { name, verb, rule } of ops) {
      const writer = new MessageWriter();
      encodePolicyOp(writer, verb, rule, 5);
      blocks.set(name, describeMessages(writer.bytes(), rtnetlinkLayout));
    }
    const writer = new MessageWriter();
    encodePolicyDump(writer, 6);
    blocks.set('dump', describeMessages(writer.bytes(), rtnetlinkLayout));
    expectGolden(new URL('policy.txt', golden), 'Requests about policy rules.', blocks);
  });
});

describe('decoding policy rules', () => {
  const file = new URL('policy-replies.txt', golden);
  const captured = readCaptured(file);

  it('is as in the golden file', () => {
    expectDecoded(file, captured, (body) => decodePolicy(body));
  });

  it('survives anything', () => {
    const samples = captured.map(({ body }) => body);
    expectNoThrow(samples, (body) => decodePolicy(body));
  });
});
