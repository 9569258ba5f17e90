import { expect, it } from 'vitest';
import { namedCount, plainCount, unsentOf } from '../../../src/kernel/linux/packet-faults.js';
import { expectNoThrow } from '../../support/random-bytes.js';

/** As Linux 6.18 prints /proc/net/snmp, snmp6 and dev. */
const snmp = `\
Icmp: InMsgs InErrors InCsumErrors
Icmp: 9 8 7
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 100 1 2 90 3 4 31 5 6
UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
UdpLite: 0 0 0 0 0 0 77 0 0
`;
const snmp6 = `\
Udp6InErrors                    	2
Udp6InCsumErrors                	12
UdpLite6InCsumErrors            	9
`;
const dev = `\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
meshx-4096:  10      20    3    4    0     0          0         0        7       8    2    5    1     0       2          0
`;

it('reads what came damaged', () => {
  expect(namedCount(snmp, 'Udp', 'InCsumErrors')).toBe(31);
  expect(namedCount(snmp, 'Udp', 'Nothing')).toBe(0);
  expect(plainCount(snmp6)).toBe(12);
  expect(plainCount('')).toBe(0);
});

it('reads what was not sent', () => {
  expect([...unsentOf(dev)]).toEqual([
    ['lo', 0],
    ['meshx-4096', 7],
  ]);
});

it('survives any bytes', () => {
  const all = [snmp, snmp6, dev].map((text) => Buffer.from(text));
  expectNoThrow(all, (bytes) => {
    const text = bytes.toString();
    return [namedCount(text, 'Udp', 'InCsumErrors'), plainCount(text), unsentOf(text)];
  });
});
