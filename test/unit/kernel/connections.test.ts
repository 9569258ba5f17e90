import { describe, expect, it } from 'vitest';
import { parseConnections } from '../../../src/kernel/linux/connections.js';
import { expectNoThrow } from '../../support/random-bytes.js';

/** As Linux 6.1 prints /proc/net/ip_vs_conn. */
const table = `\
Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP 0A600001 9C04 0A600001 0050 0A00000B 1F90 TIME_WAIT       119
TCP 0A600000 0000 0A600001 0050 0A00000B 1F90 ASSURED         299
UDP 0A000063 D431 0A600001 0035 0A00000C 0035 UDP             300
IP  0A000063 0000 00000101 0000 0A00000C 0000 NONE            180
TCP fd00:0000:0000:0000:0000:0000:0000:0063 C350 fd96:0000:0000:0000:0000:0000:0000:0001 0050 fd00:0000:0000:0000:0000:0000:0000:000a 1F90 ESTABLISHED     899
TCP 0A000063 C351 0A600001 0050 fd00:0000:0000:0000:0000:0000:0000:000a 1F90 ESTABLISHED     899 sip some-call-id
AH  0A000063 01F4 0A600001 01F4 0A00000C 01F4 NONE            120
`;

describe('the connection table', () => {
  it('has both families, mixed ones, and templates', () => {
    const found = parseConnections(Buffer.from(table), { limit: 100 });
    expect(
      found.map(
        (each) =>
          `${each.protocol} ${each.client} ${each.clientPort} -> ${each.virtual} ${each.virtualPort}` +
          ` -> ${each.destination} ${each.destinationPort} ${each.state} ${each.expiresS}`,
      ),
    ).toEqual([
      'tcp 10.96.0.1 39940 -> 10.96.0.1 80 -> 10.0.0.11 8080 TIME_WAIT 119',
      'tcp 10.96.0.0 0 -> 10.96.0.1 80 -> 10.0.0.11 8080 ASSURED 299',
      'udp 10.0.0.99 54321 -> 10.96.0.1 53 -> 10.0.0.12 53 UDP 300',
      'ip 10.0.0.99 0 -> 0.0.1.1 0 -> 10.0.0.12 0 NONE 180',
      'tcp fd00::63 50000 -> fd96::1 80 -> fd00::a 8080 ESTABLISHED 899',
      'tcp 10.0.0.99 50001 -> 10.96.0.1 80 -> fd00::a 8080 ESTABLISHED 899',
    ]);
  });

  it('is read up to the limit, counted after the filter', () => {
    const filter = ({ state }: { state: string }): boolean => state === 'ESTABLISHED';
    const bytes = Buffer.from(table);
    expect(parseConnections(bytes, { limit: 1, filter })).toMatchObject([{ client: 'fd00::63' }]);
    expect(parseConnections(bytes, { limit: 0 })).toEqual([]);
  });

  it('no bytes make it throw', () => {
    const samples = [Buffer.from(table)];
    expectNoThrow(samples, (bytes) => parseConnections(bytes, { limit: 100 }));
  });
});
