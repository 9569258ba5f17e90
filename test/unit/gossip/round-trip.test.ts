import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeMessage,
  encodeStream,
  openPacket,
  packetBudget,
  partOverhead,
  sealPacket,
  type StreamSide,
  StreamReader,
} from '../../../src/gossip/index.js';
import { anyOptions, packetMessage, streamMessage } from '../../support/arbitrary-messages.js';
import { checkProperty } from '../../support/property.js';

const side = fc.constantFrom<StreamSide>('request', 'reply');

describe('what is sent', () => {
  it('comes out of a packet as it went in', async () => {
    const messages = fc.array(packetMessage, { minLength: 1, maxLength: 12 });
    await checkProperty(
      fc.property(messages, anyOptions, fc.boolean(), (sent, options, withCrc) => {
        const packet = sealPacket(sent.map(encodeMessage), options, withCrc);
        expect(openPacket(packet, options)).toEqual(sent);
      }),
      { runs: 1500 },
    );
  });

  it('fits the budget', async () => {
    const messages = fc.array(packetMessage, { minLength: 1, maxLength: 40 });
    await checkProperty(
      fc.property(messages, anyOptions, fc.boolean(), (sent, options, withCrc) => {
        const budget = packetBudget(options, withCrc);
        const parts: Buffer[] = [];
        let used = 0;
        for (const part of sent.map(encodeMessage)) {
          if (used + part.length + partOverhead > budget) continue;
          used += part.length + partOverhead;
          parts.push(part);
        }
        if (parts.length === 0) return;
        expect(sealPacket(parts, options, withCrc).length).toBeLessThanOrEqual(1400);
      }),
      { runs: 500 },
    );
  });

  it('comes out of a stream as it went in, however that is cut', async () => {
    const cuts = fc.array(fc.nat(3000), { maxLength: 8 });
    await checkProperty(
      fc.property(streamMessage, anyOptions, side, cuts, (sent, options, from, sizes) => {
        let rest = encodeStream(sent, options, from);
        const reader = new StreamReader(options, from);
        for (const size of sizes) {
          if (size >= rest.length) continue;
          expect(reader.push(rest.subarray(0, size))).toBeUndefined();
          rest = rest.subarray(size);
        }
        expect(reader.push(rest)).toEqual(sent);
      }),
      { runs: 1000 },
    );
  });
});
