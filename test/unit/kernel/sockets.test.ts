import { expect, it } from 'vitest';
import { countServed } from '../../../src/kernel/linux/sockets.js';
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

it('survives any bytes', () => {
  expectNoThrow([Buffer.from(tcp), Buffer.from(tcp6)], (bytes) => countServed([bytes]));
});
