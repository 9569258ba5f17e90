import { expect, it } from 'vitest';
import { isInterestingNft, isInterestingRoute } from '../../../src/kernel/linux/watch.js';
import { expectNoThrow } from '../../support/random-bytes.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const link = '0000 0100 02000000 43100100 00000000';
const ofTable = (name: string): string =>
  `0a000100 ${Buffer.from(`${name}\0`).toString('hex')}0000`;

it.each([
  { name: 'a link', type: 16, body: link, want: true },
  { name: 'a link that is gone', type: 17, body: link, want: true },
  { name: 'a link as its bridge sees it', type: 16, body: link.replace('00', '07'), want: false },
  { name: 'a wireless scan', type: 16, body: `${link} 08000b00 01020304`, want: false },
  { name: 'an address', type: 20, body: '02200000 03000000', want: true },
  { name: 'a link that left a bridge', type: 17, body: link.replace('00', '07'), want: false },
  { name: 'an address of the link alone', type: 20, body: '0a4000fd 03000000', want: false },
  { name: 'a lost one of the link alone', type: 21, body: '0a4000fd 03000000', want: false },
  { name: 'a route', type: 24, body: '02200000 ff03fe02 00000000', want: true },
  { name: 'a route that is gone', type: 25, body: '02200000 ff6dfe02 00000000', want: true },
  {
    name: 'a route that the kernel made',
    type: 24,
    body: '02200000 ff02fe02 00000000',
    want: false,
  },
  { name: 'an entry of a route cache', type: 24, body: '0a800000 fe000001 00020000', want: false },
  { name: 'a neighbor', type: 28, body: '02000000 03000000 02000001', want: false },
  { name: 'a policy rule', type: 32, body: '02000000 fe000001 00000000', want: true },
])('tells whether $name is of interest', ({ type, body, want }) => {
  expect(isInterestingRoute({ type, body: hex(body) })).toBe(want);
});

it.each([
  { name: 'our table', type: 0xa00, body: `01000000 ${ofTable('meshd')}`, want: true },
  { name: 'an element of it', type: 0xa0c, body: `01000000 ${ofTable('meshd')}`, want: true },
  { name: 'another of ours', type: 0xa00, body: `01000000 ${ofTable('meshd-a')}`, want: true },
  { name: 'a table named alike', type: 0xa00, body: `01000000 ${ofTable('meshdx')}`, want: false },
  { name: 'a table of others', type: 0xa00, body: `01000000 ${ofTable('other')}`, want: false },
  { name: 'one of another family', type: 0xa00, body: `02000000 ${ofTable('meshd')}`, want: false },
  { name: 'a new generation', type: 0xa0f, body: '00000000 08000100 00000007', want: false },
])('tells whether $name is of interest', ({ type, body, want }) => {
  expect(isInterestingNft({ type, body: hex(body) })).toBe(want);
});

it('survives anything', () => {
  for (const type of [16, 20, 24, 32, 0xa00, 0xa0c]) {
    expectNoThrow([hex(link)], (body) => [
      isInterestingRoute({ type, body }),
      isInterestingNft({ type, body }),
    ]);
  }
});
