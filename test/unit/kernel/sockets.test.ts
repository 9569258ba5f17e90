import { expect, it } from 'vitest';
import { countServed, listeningSockets } from '../../../src/kernel/linux/sockets.js';
import { expectNoThrow } from '../../support/random-bytes.js';

/** As Linux 6.1 prints /proc/net/tcp and tcp6. */
const tcp = `\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0200FF0A:0016 0A0200C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0200FF0A:0016 0A0200C0:C351 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
   3: 0200FF0A:C350 0A0200C0:0050 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
`;
const tcp6 = `\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4 1 0 100 0 0 10 0
   1: 0000000000000000FFFF00000200FF0A:1F90 0000000000000000FFFF00000A0200C0:D431 08 00000000:00000000 00:00000000 00000000     0        0 5 1 0 20 4 30 10 -1
`;

it('counts open connections to ports that somebody listens on, not calls and not what is over', () => {
  expect(countServed([Buffer.from(tcp), Buffer.from(tcp6)])).toBe(2);
  expect(countServed([Buffer.from(tcp)])).toBe(1);
  expect(countServed([])).toBe(0);
});

/** As Linux 6.1 prints /proc/net/udp and udp6. */
const udp = `\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  128: 0200FF0A:14B4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 6 2 0 0
  900: 0200FF0A:C350 0A0200C0:0035 01 00000000:00000000 00:00000000 00000000     0        0 7 2 0 0
`;
const udp6 = `\
   sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  129: 646000FD000000000000000001000000:14B5 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 8 2 0 0
`;

it('tells who takes what comes in', () => {
  const said = [
    ...listeningSockets('tcp', [Buffer.from(tcp), Buffer.from(tcp6)]),
    ...listeningSockets('udp', [Buffer.from(udp), Buffer.from(udp6)]),
  ].map(({ protocol, address, port }) => `${protocol} ${address} ${port}`);
  expect(said).toEqual([
    'tcp 0.0.0.0 22',
    'tcp :: 8080',
    'udp 10.255.0.2 5300',
    'udp fd00:6064::1 5301',
  ]);
});

it('survives any bytes', () => {
  expectNoThrow([Buffer.from(tcp), Buffer.from(udp6)], (bytes) => {
    countServed([bytes]);
    listeningSockets('tcp', [bytes]);
  });
});
