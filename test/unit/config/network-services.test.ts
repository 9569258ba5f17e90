import { describe, expect, it, test } from 'vitest';
import { checkSpec, writeSpec } from '../../../src/config/index.js';
import { formatPublished } from '../../../src/model/index.js';

const web = { name: 'web', network: 'front' };

function problem(fields: Record<string, unknown>): string {
  try {
    checkSpec({ ...web, ...fields }, 'web');
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a service on a network', () => {
  it('needs nothing but a name', () => {
    expect(checkSpec(web, 'web')).toMatchObject({
      network: 'front',
      endpointMode: 'vip',
      vips: [],
      ports: [],
      publish: [],
      forwarding: 'masq',
      destinations: [],
    });
  });

  it('leaves defaults aside that are for others', () => {
    const defaults = { forwarding: { method: 'route' as const }, healthCheck: 'none' as const };
    expect(checkSpec(web, 'web', defaults).forwarding).toBe('masq');
  });

  test.each([
    ['80', '80/tcp'],
    [80, '80/tcp'],
    ['53:5300/udp', '53:5300/udp'],
    ['8000-17999', '8000-17999/tcp'],
    ['auto:8080/udp', 'auto:8080/udp'],
    [{ port: 'auto', targetPort: 80 }, 'auto:80/tcp'],
    [
      { port: 80, mode: 'host', source: 'snat', allowFrom: ['10.0.0.0/8', '192.0.2.7'] },
      '80/tcp {mode=host source=snat allowFrom=10.0.0.0/8,192.0.2.7/32}',
    ],
    [
      { port: 80, policy: 'prefer-local', bind: '192.0.2.1' },
      '80/tcp {policy=prefer-local bind=192.0.2.1}',
    ],
    [{ port: 80, device: 'eth0.100' }, '80/tcp {device=eth0.100}'],
  ])('publishes %j', (port, text) => {
    const spec = checkSpec({ ...web, publish: [port] }, 'web');
    expect(formatPublished(spec.publish[0]!)).toBe(text);
    expect(checkSpec(writeSpec(spec), 'web')).toEqual(spec);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ ports: [80] }, 'web.ports: is for services without a network only'],
    [{ destinations: ['10.0.0.1'] }, 'web.destinations: is for services without a network only'],
    [{ forwarding: 'route' }, 'web.forwarding: is for services without a network only'],
    [{ healthCheck: 'tcp' }, 'web.healthCheck: is for services without a network only'],
    [{ network: 'a b' }, 'web.network: expected the name of a network'],
    [{ endpointMode: 'dnsrr', vip: '10.64.0.200' }, 'web.vip: endpointMode dnsrr has none'],
    [{ publish: [80, '79-81'] }, 'web.publish[1]: overlaps publish[0] (80/tcp)'],
    [{ publish: ['60000-65536'] }, 'web.publish[0]: 60000-65536/tcp goes beyond port 65535'],
    [{ publish: [{ port: 65_000, count: 1_000 }] }, 'goes beyond port 65535'],
    [
      { publish: ['1000-4000:2000-5000'] },
      'web.publish[0]: 1000-4000:2000-5000/tcp spans more than 1024 ports that are changed',
    ],
    [{ publish: [{ port: 80, mode: 'host', policy: 'local' }] }, 'policy is for mode ingress'],
    [
      { publish: [{ port: 80, bind: '192.0.2.1', allowFrom: ['fd00::/8'] }] },
      'no client of fd00::/8 can call 192.0.2.1',
    ],
    [
      { publish: [{ port: 80, bind: '192.0.2.1', device: 'eth0' }] },
      'bind and device exclude each other',
    ],
    [{ publish: [{ port: 80, device: 'sixteen-letters-' }] }, 'expected the name of a device'],
    [{ publish: [{ port: 80, device: 'lo' }] }, 'expected the name of a device'],
    [{ publish: [{ port: 'auto' }] }, 'port auto is a single one, and needs targetPort'],
    [{ publish: [{ port: 'auto', targetPort: 80, count: 2 }] }, 'port auto is a single one'],
    [{ publish: [{ port: 0 }] }, "expected a port 1-65535, or 'auto'"],
    [{ publish: [{ port: 80, policy: 'near' }] }, 'expected one of any, prefer-local, local'],
  ])('refuses %j', (fields, message) => {
    expect(problem(fields)).toContain(message);
  });

  it('alone publishes', () => {
    const alone = { name: 'web', vip: '10.0.0.1', ports: [80], publish: [80] };
    expect(() => checkSpec(alone, 'web')).toThrow('publish: is for services with a network only');
  });
});
