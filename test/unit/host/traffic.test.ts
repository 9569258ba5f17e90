import { beforeEach, describe, expect, it } from 'vitest';
import type { ConnectionsQuery } from '../../../src/api/index.js';
import type { Connection } from '../../../src/kernel/index.js';
import { HostBench, spec } from './bench.js';

/** `tcp 192.0.2.1:4000 10.96.0.1:80 10.0.0.11:80 ESTABLISHED`. */
function connection(text: string): Connection {
  const [protocol, client, virtual, destination, state] = text.split(' ');
  const part = (endpoint: string): [string, number] => {
    const colon = endpoint.lastIndexOf(':');
    return [endpoint.slice(0, colon), Number(endpoint.slice(colon + 1))];
  };
  const [clientAddress, clientPort] = part(client!);
  const [virtualAddress, virtualPort] = part(virtual!);
  const [destinationAddress, destinationPort] = part(destination!);
  return {
    protocol: protocol as Connection['protocol'],
    client: clientAddress,
    clientPort,
    virtual: virtualAddress,
    virtualPort,
    destination: destinationAddress,
    destinationPort,
    state: state!,
    expiresS: 300,
  };
}

const connections = [
  'tcp 192.0.2.1:4000 10.96.0.1:80 10.0.0.11:80 ESTABLISHED',
  'tcp 192.0.2.77:4001 10.96.0.1:80 10.0.0.12:80 ESTABLISHED',
  'tcp 198.51.100.9:4002 10.96.0.2:80 10.0.0.11:80 FIN_WAIT',
  // Of a virtual service that somebody else added to our VIP.
  'tcp 192.0.2.1:4003 10.96.0.1:9999 10.0.0.99:80 ESTABLISHED',
  // A client of 192.0.2.0/24 is bound, for every port.
  'ip 192.0.2.0:0 10.96.0.1:0 10.0.0.12:0 NONE',
].map(connection);

describe('connections', () => {
  let bench: HostBench;

  beforeEach(async () => {
    bench = await new HostBench().start();
    await bench.apply(
      spec('web vip=10.96.0.1', '10.0.0.11 name=web-1', '10.0.0.12 name=web-2'),
      spec('mail vip=10.96.0.2', '10.0.0.11 name=mail-1'),
    );
    bench.kernel.connectionTable = connections;
  });

  /** As `4000 web web-1`: port of the client and names, `-` where there are none. */
  async function list(query: Partial<ConnectionsQuery>): Promise<string[]> {
    const found = await bench.backend.connections({ limit: 100, ...query });
    const lines = found.connections.map(
      ({ clientPort, service, destinationName }) =>
        `${clientPort} ${service ?? '-'} ${destinationName ?? '-'}`,
    );
    return found.truncated ? [...lines, '...'] : lines;
  }

  it('have the names of their service and destination', async () => {
    expect(await list({})).toEqual([
      '4000 web web-1',
      '4001 web web-2',
      '4002 mail mail-1',
      '4003 - -',
      '0 web web-2',
    ]);
  });

  const cases: readonly (readonly [string, Partial<ConnectionsQuery>, readonly string[]])[] = [
    ['of a service', { service: 'web' }, ['4000 web web-1', '4001 web web-2', '0 web web-2']],
    ['to a destination by name', { destination: 'mail-1' }, ['4000 web web-1', '4002 mail mail-1']],
    ['to one of a service', { service: 'web', destination: 'web-1' }, ['4000 web web-1']],
    ['to an address', { destination: '10.0.0.99' }, ['4003 - -']],
    ['of a client', { client: '192.0.2.77' }, ['4001 web web-2']],
    ['of a network', { client: '198.51.100.0/24' }, ['4002 mail mail-1']],
    ['of another family', { client: 'fd00::/8' }, []],
    ['up to a limit', { limit: 2 }, ['4000 web web-1', '4001 web web-2', '...']],
    ['as many as the limit', { service: 'mail', limit: 1 }, ['4002 mail mail-1']],
  ];
  it.each(cases)('%s', async (_name, query, want) => {
    expect(await list(query)).toEqual(want);
  });

  it('of what nobody knows: not_found', async () => {
    await expect(list({ service: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(list({ destination: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(list({ service: 'web', destination: '10.0.0.99' })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(list({ client: 'x' })).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

describe('traffic', () => {
  it('has names, in order, of one service or of all', async () => {
    const bench = await new HostBench().start();
    const web = spec('web vip=10.96.0.1 port=80/tcp port=53/udp', '10.0.0.11 name=web-1');
    await bench.apply(web, spec('mail vip=10.96.0.2', '10.0.0.12'));
    const match = { protocol: 'tcp', address: '10.96.0.1', port: 80 } as const;
    bench.kernel.setCounters(match, { connections: 5, inBytes: 700 });
    bench.kernel.setDestinationCounters(match, '10.0.0.11:80', { connections: 5, active: 2 });
    const all = await bench.backend.traffic();
    expect(all.atMs).toBe(bench.clock.wallMs());
    expect(all.services.map(({ service, listen }) => `${service} ${listen}`)).toEqual([
      'mail 10.96.0.2:80/tcp',
      'web 10.96.0.1:53/udp',
      'web 10.96.0.1:80/tcp',
    ]);
    const one = await bench.backend.traffic('web');
    expect(one.services).toHaveLength(2);
    expect(one.services[1]).toMatchObject({ connections: 5, inBytes: 700 });
    expect(one.services[1]).not.toHaveProperty('match');
    expect(one.services[1]!.destinations).toMatchObject([
      { name: 'web-1', address: '10.0.0.11', port: 80, weight: 1, active: 2, connections: 5 },
    ]);
    await expect(bench.backend.traffic('nobody')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('of a removed service that still drains goes by no name', async () => {
    const bench = await new HostBench().start();
    await bench.apply(spec('web vip=10.96.0.1', '10.0.0.11'));
    bench.setOpen('10.96.0.1', '10.0.0.11', 1);
    await bench.remove('web');
    const { services } = await bench.backend.traffic();
    expect(services.map(({ service, listen }) => `${service} ${listen}`)).toEqual([
      '- 10.96.0.1:80/tcp',
    ]);
  });
});

describe('explain', () => {
  const ask = { destination: '10.96.0.1', port: 80, protocol: 'tcp' } as const;

  async function started(): Promise<HostBench> {
    const bench = await new HostBench().start();
    await bench.apply(
      spec('web vip=10.96.0.1 affinity=300/24', '10.0.0.11 name=web-1', '10.0.0.12 name=web-2'),
    );
    return bench;
  }

  it('balances, with the names, what is wrong with whom, and counters', async () => {
    const bench = await started();
    bench.health.fail('web', '10.0.0.12', 'connection refused');
    await bench.clock.advance(0);
    const match = { protocol: 'tcp', address: '10.96.0.1', port: 80 } as const;
    bench.kernel.setCounters(match, { connections: 7 });
    const { outcome, steps } = await bench.backend.explain({ source: '192.0.2.1', ...ask });
    expect(outcome).toEqual({
      verdict: 'balanced',
      text: 'web: goes to web-1',
      destinations: ['10.0.0.11:80'],
    });
    const counted = steps.filter(({ counters }) => counters !== undefined);
    expect(counted).toMatchObject([
      { title: 'virtual service web', counters: { connections: 7 } },
      { title: 'destination web-1', destination: '10.0.0.11:80' },
      { title: 'destination web-2 (unhealthy: connection refused)' },
    ]);
    expect(steps.map(({ title }) => title)).toContain(
      'destination web-2 (unhealthy: connection refused)',
    );
  });

  it('knows to whom the client’s network is bound', async () => {
    const bench = await started();
    bench.kernel.connectionTable = [
      connection('udp 192.0.2.0:0 10.96.0.1:80 10.0.0.11:80 NONE'),
      connection('tcp 192.0.2.0:0 10.96.0.1:80 10.0.0.12:80 NONE'),
    ];
    const bound = await bench.backend.explain({ source: '192.0.2.1', ...ask });
    expect(bound.outcome.destinations).toEqual(['10.0.0.12:80']);
    expect(bound.steps.find(({ title }) => title === 'bound')?.detail).toContain(
      'affinity for another 300 s',
    );
    const free = await bench.backend.explain({ source: '192.0.3.1', ...ask });
    expect(free.outcome.destinations).toHaveLength(2);
  });

  it('refuses when nobody takes new connections, and at a closed port', async () => {
    const bench = await started();
    bench.setOpen('10.96.0.1', '10.0.0.11', 1);
    bench.setOpen('10.96.0.1', '10.0.0.12', 1);
    await bench.drain({ service: 'web' });
    const drained = await bench.backend.explain({ source: '192.0.2.1', ...ask });
    expect(drained.outcome.verdict).toBe('refused');
    expect(drained.steps.map(({ title }) => title)).toContain('destination web-1 (draining)');
    const closed = await bench.backend.explain({ source: '192.0.2.1', ...ask, port: 81 });
    expect(closed.outcome.verdict).toBe('refused');
  });

  it('passes what is not for a VIP', async () => {
    const bench = await started();
    const query = { source: '192.0.2.1', ...ask, destination: '10.0.0.11' };
    expect((await bench.backend.explain(query)).outcome.verdict).toBe('passed');
  });
});
