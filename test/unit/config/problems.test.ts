import { describe, expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../../src/config/index.js';

/** The message for a text, file name and final period left out. */
function problems(text: string): string[] {
  try {
    parseConfig(text, 'm');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n');
  }
}

/** A file with one service, these lines added to (or in place of) its own. */
function service(lines: Record<string, string>): string {
  const fields = { name: 'web', vip: '10.0.0.1', ports: '[80]', destinations: '[10.1.0.1]' };
  const body = Object.entries({ ...fields, ...lines }).filter(([, value]) => value !== '-');
  return ['services:', ...body.map(([key, value], i) => `${i === 0 ? '- ' : '  '}${key}: ${value}`)]
    .join('\n')
    .concat('\n');
}

const overlap = '10.0.0.1:80/tcp is taken by port 80/tcp of service "a"';

describe('a file', () => {
  const accepted = [
    '',
    '# nothing\n',
    '{}',
    '{"services": []}',
    '{services: [], pools: [10.0.0.0/8]}',
    'services:\n',
    service({}),
    service({ vip: 'auto', destinations: '-' }),
    service({ ports: '[80, 80/udp, 81-90, 100:8080/sctp, {port: 2000, count: 1024}]' }),
    service({ affinity: '90', drainDeadline: '1.5s', scheduler: 'sh', healthCheck: 'http' }),
    service({ forwarding: 'route' }),
    'mesh: {}',
    'mesh: {join: [10.0.0.1, "[fd00::1]:7946"], keyFile: none, profile: fast}',
    'pools: [10.0.0.0/16]\n' + service({ vip: '10.0.0.7' }),
    'defaults: {snat: always}\n' + service({ forwarding: 'route' }),
    'services:\n- &a {name: a, vip: 10.0.0.1, ports: [80]}\n' +
      '- {name: b, vip: 10.0.0.1, ports: [81, 80/udp]}\n',
  ];
  test.each(accepted)('is accepted: %j', (text) => {
    expect(problems(text)).toEqual([]);
  });

  const refused: [text: string, ...want: string[]][] = [
    ['services: [\n', 'm:2: YAML: deficient indentation'],
    ['a: 1\na: 2\n', 'm:2: YAML: duplicated mapping key'],
    ['{} \n---\n{}\n', 'm: expected one YAML document, got 2'],
    ['- 1\n', 'm: expected a mapping, got a list of 1'],
    ['hello\n', 'm: expected a mapping, got "hello"'],
    ['servces: []\n', 'm:1: servces: unknown field; did you mean "services"?'],
    [
      'log: {level: info}\nlgo: 1\nidletimeouts: {}\n',
      'm:2: lgo: unknown field; did you mean "log"?',
      'm:3: idletimeouts: unknown field; did you mean "idleTimeouts"?',
    ],
    ['log: {size: 1}\n', 'm:1: log.size: unknown field; known are level'],
    ['log: {level: all}\n', 'm:1: log.level: expected one of debug, info, warn, error, got "all"'],
    [
      'metrics: {listen: :9464}\n',
      'm:1: metrics.listen: expected address:port such as 127.0.0.1:9464 or [::1]:9464, ' +
        'or unix:/path, got ":9464"',
    ],
    [
      'mesh: {join: [host:1], node: -a, keyFile: keys, profile: x}\n',
      'm:1: mesh.node: expected 1-63 letters, digits, - . or _, got "-a"',
      'm:1: mesh.join[0]: expected an address, or address:port such as 192.0.2.1:7946 or ' +
        '[fd00::1]:7946, got "host:1"',
      'm:1: mesh.keyFile: expected an absolute path, or none, got "keys"',
      'm:1: mesh.profile: expected one of lan, wan, local, fast, got "x"',
    ],
    [
      'dns: {domain: Mesh, upstreams: [ns1], ttl: 2h, queriesPerSecond: -1, listen: ["::", host], enabled: off}\n',
      'm:1: dns.enabled: expected true or false, got "off"',
      'm:1: dns.listen[0]: expected an address of this host, or address:port, such as 127.0.0.11; not 0.0.0.0 or ::, got "::"',
      'm:1: dns.listen[1]: expected an address of this host, or address:port, such as 127.0.0.11; not 0.0.0.0 or ::, got "host"',
      'm:1: dns.domain: expected a domain name in lower case, got "Mesh"',
      'm:1: dns.upstreams[0]: expected an address, or address:port such as 192.0.2.53:53, got "ns1"',
      'm:1: dns.ttl: expected a duration 0s-1h such as 500ms, 30s, 5m or 1h, in whole seconds, got "2h"',
      'm:1: dns.queriesPerSecond: expected a number 0-10000000, got -1',
    ],
    ['stateDir: var\n', 'm:1: stateDir: expected an absolute path, got "var"'],
    [
      'idleTimeouts: {tcp: 500ms}\n',
      'm:1: idleTimeouts.tcp: expected a duration 1s-744h such as 500ms, 30s, 5m or 1h, ' +
        'in whole seconds, got "500ms"',
    ],
    [
      'pools:\n- 10.0.0.1/8\n',
      'm:2: pools[0]: expected a prefix such as 10.96.0.0/16 or fd00:96::/112, host bits zero, ' +
        'got "10.0.0.1/8"',
    ],
    [
      'pools:\n- 10.0.0.0/8\n- 10.1.0.0/16\n- 127.0.0.0/8\n- 0.0.0.0/0\n',
      'm:3: pools[1]: 10.1.0.0/16 overlaps pools[0] (10.0.0.0/8)',
      'm:4: pools[2]: 127.0.0.0/8 cannot be a pool of VIPs: it holds 127.0.0.0/8',
      'm:5: pools[3]: 0.0.0.0/0 cannot be a pool of VIPs: larger than a /8',
      'm:5: pools[3]: 0.0.0.0/0 overlaps pools[0] (10.0.0.0/8)',
    ],
    [
      'pools: [10.1.0.0/16]\n' + service({}),
      'm:6: services[0].destinations[0]: 10.1.0.1 lies in 10.1.0.0/16, a pool of addresses for VIPs',
    ],
    ['defaults: {name: x}\n', expect.stringMatching(/^m:1: defaults.name: unknown field; /)],
    ['services: {}\n', 'm:1: services: expected a list of at most 65536 services'],
    ['services: [web]\n', 'm:1: services[0]: expected a mapping, got "web"'],
    [
      'services:\n- {}\n',
      'm:2: services[0].name: expected a name of 1-63 lower-case letters, digits, "-" and ".", ' +
        'but it is missing',
      'm:2: services[0].ports: expected a list of 1-1024 ports, but it is missing',
    ],
    [
      'services:\n- name: a\n  vip: 10.0.0.1\n  ports: [80]\n- name: b\n  vip: 10.0.0.1\n' +
        '  ports: [79-81]\n- name: a\n  ports: [1]\n',
      'm:7: services[1].ports[0]: ' + overlap + ' (services[0].ports[0], line 4)',
      'm:8: services[2].name: the name "a" is taken by another service (services[0].name, line 2)',
    ],
    [
      '{"services": [\n{"name": "a", "ports": [0]}]}',
      'm:2: services[0].ports[0]: expected a port 1-65535 such as 80/tcp, 443:8443 or ' +
        '7000-7009/udp, or a mapping with port, got 0',
    ],
  ];
  test.each(refused)('is refused: %j', (text, ...want) => {
    expect(problems(text)).toEqual(want);
  });
});

describe('a service is refused for', () => {
  /** Fields, and the message after `m:LINE: services[0].`. */
  const cases: [fields: Record<string, string>, ...want: string[]][] = [
    [
      { ports: '[{port: 0}, {port: 80, targetPort: 65536}]' },
      'ports[0].port: expected a port 1-65535, got 0',
      'ports[1].targetPort: expected a port 1-65535, got 65536',
    ],
    [
      { ports: '[{port: 80, count: 1025, prot: tcp}]' },
      'ports[0].count: expected a whole number 1-1024, got 1025',
      'ports[0].prot: unknown field; did you mean "port"?',
    ],
    [{ ports: '[65535-65536]' }, 'ports[0]: 65535-65536/tcp goes beyond port 65535'],
    [{ ports: '[1-2000]' }, 'ports[0]: 1-2000/tcp spans more than 1024 ports'],
    [{ ports: '[80, 79-80, 81/udp, 81]' }, 'ports[1]: overlaps ports[0] (80/tcp)'],
    [
      { ports: '[1-1000, 1001-2000, 2001-3000, 3001-4000, 4001-5000]' },
      'ports: a service has at most 4096 ports, got 5000',
    ],
    [
      { scheduler: 'wrrr' },
      'scheduler: expected one of rr, wrr, lc, wlc, sh, mh, sed, nq, lblc, ovf, fo, ' +
        'or a mapping with name, got "wrrr"',
    ],
    [{ schedular: 'rr' }, 'schedular: unknown field; did you mean "scheduler"?'],
    [
      { scheduler: '{name: rr, flags: [port]}' },
      'scheduler: the flags fallback and port are for sh and mh, not rr',
    ],
    [
      { scheduler: '{name: x, flags: [y]}' },
      'scheduler.name: expected one of rr, wrr, lc, wlc, sh, mh, sed, nq, lblc, ovf, fo, got "x"',
      'scheduler.flags[0]: expected one of fallback, port, got "y"',
    ],
    [
      { affinity: '32d' },
      'affinity: expected off, a duration 1s-744h such as 500ms, 30s, 5m or 1h, ' +
        'in whole seconds, or a mapping with timeout, got "32d"',
    ],
    [
      { affinity: '{timeout: 745h, prefix4: 0}' },
      'affinity.timeout: expected a duration 1s-744h such as 500ms, 30s, 5m or 1h, ' +
        'in whole seconds, got "745h"',
      'affinity.prefix4: expected a whole number 1-32, got 0',
    ],
    [{ vip: '224.0.0.1' }, 'vip: 224.0.0.1 is a multicast address and cannot be a VIP'],
    [{ vip: '127.0.0.1' }, 'vip: 127.0.0.1 is a loopback address and cannot be a VIP'],
    [
      { vip: '[10.0.0.1, 10.0.0.2]' },
      'vip: at most one address per family, got 10.0.0.1 and 10.0.0.2',
    ],
    [
      { vip: '10.0.0.256' },
      'vip: expected an IPv4 or IPv6 address, a list of one of each, or auto, got "10.0.0.256"',
    ],
    [
      { destinations: "['fd00::1']" },
      'destinations[0]: fd00::1 is in another family than the VIP; ' +
        'add an IPv6 VIP or use vip: auto',
    ],
    [{ destinations: '[10.0.0.1]' }, 'destinations[0]: 10.0.0.1 is the VIP of the service itself'],
    [
      { destinations: '[10.1.0.1, {address: 10.1.0.1, weight: 2}]' },
      'destinations[1]: 10.1.0.1 is destinations[0] already',
    ],
    [
      { destinations: '[{address: 10.1.0.1, name: x}, {address: 10.1.0.2, name: x}]' },
      'destinations[1]: the name "x" is that of destinations[0]',
    ],
    [
      { destinations: '[{address: 10.1.0.1, weight: 65536}]' },
      'destinations[0].weight: expected a weight 0-65535, got 65536',
    ],
    [
      { destinations: '[0.0.0.0]' },
      'destinations[0]: 0.0.0.0 is an unspecified address and cannot be a destination',
    ],
    [{ onePacket: 'true' }, 'ports[0]: 80/tcp: onePacket is for udp only'],
    [
      { forwarding: 'route', ports: '[80:81]' },
      'ports[0]: 80:81/tcp: forwarding route cannot change the port',
    ],
    [{ forwarding: 'route', snat: 'auto' }, 'snat: is for forwarding masq only, not route'],
    [{ forwarding: '{method: masq, type: gue}' }, 'forwarding.type: is for method tunnel only'],
    [
      { forwarding: '{method: tunnel, port: 1, checksum: true}' },
      'forwarding.port: is for type gue only, not ipip',
      'forwarding.checksum: is for types gue and gre only, not ipip',
    ],
    [
      { limits: '{maxConnections: 5, resumeConnections: 6}' },
      'limits.resumeConnections: expected at most maxConnections (5), got 6',
    ],
    [
      { healthCheck: '{type: tcp, interval: 1s, timeout: 2s}' },
      'healthCheck.timeout: expected at most the interval (1000 ms), got 2000 ms',
    ],
    [
      { healthCheck: 'tcp', ports: '[53/udp]' },
      'healthCheck: the service has no tcp port; name one with healthCheck.port',
    ],
    [{ healthCheck: '{type: icmp}' }, 'healthCheck.type: expected one of tcp, http, got "icmp"'],
    [
      { healthCheck: '{type: tcp, path: /}' },
      'healthCheck.path: unknown field; known are type, port, interval, timeout, rise, fall',
    ],
    [
      { healthCheck: '{type: http, status: [200-199], path: x}' },
      'healthCheck.path: expected an HTTP path such as /healthz, got "x"',
      'healthCheck.status[0]: expected an HTTP status 100-599 or a range such as 200-299, ' +
        'got "200-199"',
    ],
  ];
  test.each(cases)('%j', (fields, ...want) => {
    const found = problems(service(fields)).map((line) => line.replace(/^m:[0-9]+: /, ''));
    expect(found).toEqual(want.map((text) => `services[0].${text}`));
  });
});
