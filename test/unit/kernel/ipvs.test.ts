import { describe, expect, it } from 'vitest';
import {
  decodeService,
  decodeTimeouts,
  IpvsDecoder,
} from '../../../src/kernel/linux/ipvs-decode.js';
import { IpvsEncoder, type Verb } from '../../../src/kernel/linux/ipvs-encode.js';
import { encodeGetFamily } from '../../../src/kernel/linux/generic-family.js';
import { decodeStats } from '../../../src/kernel/linux/ipvs-stats.js';
import { headerBytes, MessageWriter } from '../../../src/kernel/linux/message.js';
import type { Destination, VirtualService } from '../../../src/model/index.js';
import {
  destination,
  dns4,
  mark4,
  mark6,
  service,
  web4,
  web6,
} from '../../kernel-contract/rules.js';
import { expectDecoded, readCaptured } from '../../support/captured.js';
import { ipvsFamily, ipvsLayout } from '../../support/ipvs-layout.js';
import { describeMessages, expectGolden } from '../../support/netlink-text.js';
import { expectNoThrow } from '../../support/random-bytes.js';

const golden = new URL('../../golden/netlink/', import.meta.url);
const decoder = new IpvsDecoder();
const asDestination = (body: Buffer): Destination | undefined =>
  decoder.destination(body, 0, body.length);
const asCounters = (body: Buffer): unknown => decoder.destinationCounters(body, 0, body.length);
const asService = (body: Buffer): ReturnType<typeof decodeService> =>
  decodeService(body, 0, body.length);

function encoded(write: (encoder: IpvsEncoder, writer: MessageWriter) => void): Buffer {
  const writer = new MessageWriter();
  write(new IpvsEncoder(ipvsFamily, writer), writer);
  return Buffer.from(writer.bytes());
}

const affinity = {
  scheduler: 'mh',
  schedulerFlags: ['fallback', 'port'],
  affinityTimeoutS: 300,
  affinityPrefix: 24,
} as const;
const thresholds = { weight: 7, upperThreshold: 9, lowerThreshold: 3 };
const gue = destination('10.0.0.13', {
  forwarding: 'tunnel',
  tunnel: { type: 'gue', port: 6080, checksum: true },
});
const gre = destination('fd00::4', {
  port: 0,
  forwarding: 'tunnel',
  tunnel: { type: 'gre', port: 0, checksum: false },
});

const requests: Record<string, (encoder: IpvsEncoder, writer: MessageWriter) => void> = {
  'find the family': (_, writer) => encodeGetFamily(writer, 1, 'IPVS'),
  'add a service': (encoder) => encoder.service('add', 2, service(web4)),
  'add a service with affinity and scheduler flags': (encoder) =>
    encoder.service('add', 3, service(web4, affinity)),
  'set a service, IPv6, affinity by prefix': (encoder) =>
    encoder.service('set', 4, service(web6, { affinityTimeoutS: 60, affinityPrefix: 64 })),
  'set a service by mark': (encoder) => encoder.service('set', 5, service(mark4)),
  'add a one-packet service': (encoder) =>
    encoder.service('add', 6, service(dns4, { onePacket: true })),
  'delete a service': (encoder) => encoder.service('delete', 7, service(web6)),
  'delete a service by mark, IPv6': (encoder) => encoder.service('delete', 8, service(mark6)),
  'add a destination': (encoder) =>
    encoder.destination('add', 9, web4, destination('10.0.0.11', thresholds)),
  'add two more, by the template of the first': (encoder) => {
    encoder.destination('add', 10, web4, destination('10.0.0.11', thresholds));
    encoder.destination('add', 11, web4, destination('10.0.0.12', { forwarding: 'route' }));
  },
  'set a destination, IPv6': (encoder) =>
    encoder.destination('set', 12, web6, destination('fd00::1')),
  'add a destination by a GUE tunnel': (encoder) => encoder.destination('add', 13, web4, gue),
  'add a destination by a GRE tunnel, IPv6 for a mark': (encoder) =>
    encoder.destination('add', 14, mark4, gre),
  'delete a destination': (encoder) =>
    encoder.destination('delete', 15, web4, destination('10.0.0.11')),
  'set the timeouts': (encoder) =>
    encoder.timeouts(16, { kind: 'ipvs-timeouts', tcpS: 900, tcpFinS: 120, udpS: 300 }),
  'get the timeouts': (encoder) => encoder.getTimeouts(17),
  'get general information': (encoder) => encoder.getInfo(18),
  'list the services': (encoder) => encoder.listServices(19),
  'list the destinations of a service': (encoder) => encoder.listDestinations(20, web6),
  'remove everything': (encoder) => encoder.flush(21),
};

describe('requests', () => {
  it('are as reviewed, byte for byte', () => {
    const blocks = Object.entries(requests).map(([name, write]): [string, string] => [
      name,
      describeMessages(encoded(write), ipvsLayout),
    ]);
    expectGolden(new URL('ipvs.txt', golden), 'Requests about IPVS.', new Map(blocks));
  });

  it('a template changes nothing: every message is the one a new encoder writes', () => {
    const steps: [Verb, typeof web4 | typeof web6 | typeof mark4, Destination][] = [];
    for (const match of [web4, web6, mark4]) {
      for (const verb of ['add', 'set', 'delete'] as const) {
        for (const each of [destination('10.0.0.11', thresholds), gue, gre]) {
          steps.push([verb, match, each], [verb, match, { ...each, weight: 2 ** 31 }]);
          steps.push([verb, match, { ...each, address: 'fd00::ffff:1', port: 65_535 }]);
          steps.push([verb, match, { ...each, address: '255.1.2.3', forwarding: 'route' }]);
        }
      }
    }
    const together = encoded((encoder) => {
      steps.forEach(([verb, match, each], i) => encoder.destination(verb, i + 1, match, each));
    });
    const apart = steps.map(([verb, match, each], i) =>
      encoded((encoder) => encoder.destination(verb, i + 1, match, each)),
    );
    expect(together.equals(Buffer.concat(apart))).toBe(true);
  });

  it('a writer that grows writes the same', () => {
    const small = new MessageWriter(4);
    const encoder = new IpvsEncoder(ipvsFamily, small);
    for (const address of ['10.0.0.1', '10.0.0.2', 'fd00::3']) {
      encoder.destination('add', 1, web4, destination(address));
    }
    const large = encoded((other) => {
      for (const address of ['10.0.0.1', '10.0.0.2', 'fd00::3']) {
        other.destination('add', 1, web4, destination(address));
      }
    });
    expect(small.bytes().equals(large)).toBe(true);
  });
});

describe('replies', () => {
  const files = {
    services: new URL('ipvs-service-replies.txt', golden),
    destinations: new URL('ipvs-destination-replies.txt', golden),
    timeouts: new URL('ipvs-timeouts-replies.txt', golden),
  };

  it('of a kernel are understood', () => {
    expectDecoded(files.services, readCaptured(files.services), (body) => {
      const decoded = asService(body);
      return decoded && { ...decoded, stats: decodeStats(body, decoded.stats) };
    });
    expectDecoded(files.destinations, readCaptured(files.destinations), (body) => ({
      destination: asDestination(body),
      counters: asCounters(body),
    }));
    expectDecoded(files.timeouts, readCaptured(files.timeouts), decodeTimeouts);
  });

  it('statistics of old kernels have 32 bits, except for bytes', () => {
    const writer = new MessageWriter();
    writer.u32(0);
    writer.beginNested(2);
    writer.attributeU32Be(1, 0x0a00000b);
    writer.beginNested(10);
    writer.attributeU32(1, 3);
    writer.attributeBytes(4, Buffer.from('0100000001000000', 'hex'));
    writer.attributeU32(9, 0xffffffff);
    writer.endNested();
    writer.endNested();
    expect(asCounters(Buffer.from(writer.bytes()))).toMatchObject({
      address: '10.0.0.11',
      connections: 3,
      inPackets: 0,
      inBytes: 2 ** 32 + 1,
      inBytesPerS: 0xffffffff,
    });
  });

  it('what was written reads back', () => {
    const services: VirtualService[] = [
      service(web4, affinity),
      service(web6, { affinityTimeoutS: 60, affinityPrefix: 1 }),
      service({ ...web4, protocol: 'sctp', port: 65_535 }, { affinityPrefix: 1 }),
      service(mark6, { scheduler: 'lblc' }),
      service({ fwmark: 0xffffffff, family: 4 }, { onePacket: true }),
    ];
    for (const rule of services) {
      const body = encoded((encoder) => encoder.service('add', 1, rule)).subarray(headerBytes);
      const { destinations: _, ...rest } = rule;
      expect(asService(body)).toMatchObject({ own: true });
      expect({ kind: 'virtual-service', ...asService(body)!.service }).toEqual(rest);
    }
    for (const each of [destination('10.0.0.11', thresholds), gue, gre]) {
      const body = encoded((encoder) => encoder.destination('add', 1, web4, each));
      expect(asDestination(body.subarray(headerBytes))).toEqual(each);
    }
  });

  it('no bytes make a decoder throw', () => {
    const samples = [files.services, files.destinations, files.timeouts].flatMap((file) =>
      readCaptured(file).map(({ body }) => body),
    );
    for (const decode of [asService, asDestination, asCounters, decodeTimeouts]) {
      expectNoThrow(samples, decode);
    }
  });
});
