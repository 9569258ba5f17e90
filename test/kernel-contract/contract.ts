import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errnoName, isNotFound, type Kernel } from '../../src/kernel/index.js';
import type { Op, RuleSet, SysctlRule, VirtualServiceRule } from '../../src/model/index.js';
import { cases } from './cases.js';
import { textOf, type NetworkSubject } from './network-contract.js';
import { add, address, destination, of, remove, service, set, vipDevice, web4 } from './rules.js';

/** A subject of which the virtual services are tested too. */
export interface Subject extends NetworkSubject {
  /** Makes a service as another program would: without our mark. */
  plantForeign(rule: VirtualServiceRule): Promise<void>;
  /** Deletes the sandbox. */
  vanish(): Promise<void>;
}

const foreignTest =
  'a service without our mark is foreign, and not given destinations by a vain add';
const timeouts = { kind: 'ipvs-timeouts', tcpS: 3600, tcpFinS: 60, udpS: 30 } as const;
const conntrack: SysctlRule = { kind: 'sysctl', name: 'net/ipv4/vs/conntrack', value: '1' };

/**
 * What every implementation of the port does alike, save for `networkContract`. `except`: names of
 * tests that do not hold for this one, each with the reason.
 */
export function kernelContract(
  open: () => Promise<Subject>,
  except: Readonly<Record<string, string>> = {},
): void {
  const holds = (name: string): boolean => !(name in except);
  let subject: Subject;
  let kernel: Kernel;

  beforeEach(async () => {
    subject = await open();
    kernel = subject.kernel;
  });
  afterEach(() => subject.close());

  const apply = async (...ops: Op[]): Promise<string[]> =>
    (await kernel.apply(ops)).map(({ index, error }) => `${index} ${errnoName(error.errno)}`);
  const messages = async (...ops: Op[]): Promise<string[]> =>
    (await kernel.apply(ops)).map(({ error }) => error.message);
  const own = async (...sysctls: string[]): Promise<RuleSet> =>
    (await kernel.observe({ sysctls })).own;

  it('what is left out is known', () => {
    const names = [...cases.map(({ name }) => name), foreignTest];
    expect(Object.keys(except).filter((name) => !names.includes(name))).toEqual([]);
  });

  it.each(cases.filter(({ name }) => holds(name)))('$name', async ({ steps }) => {
    for (const { ops, refused, holds } of steps) {
      expect(await apply(...ops)).toEqual(refused ?? []);
      const before = await own();
      expect(textOf(before)).toBe(holds.trim());
      // A second look shows the same.
      expect(textOf(await own())).toBe(textOf(before));
    }
  });

  it('keys are those of the rules, destinations keep their values', async () => {
    const rule = service(web4, { destinations: [destination('10.0.0.11')] });
    await apply(add(rule));
    expect((await own()).get('ipvs 10.96.0.1:80/tcp')).toEqual(rule);
  });

  it('timeouts are set and read; there is no way to delete them', async () => {
    expect(await apply(set(timeouts), remove(timeouts))).toEqual(['1 EOPNOTSUPP']);
    expect((await own()).get('ipvs timeouts')).toEqual(timeouts);
    expect(await apply(set({ ...timeouts, tcpS: 2_000_000_000 }))).toEqual(['0 EINVAL']);
    expect((await own()).get('ipvs timeouts')).toEqual(timeouts);
  });

  it('sysctls are written and read by name; a missing file is absent, and named', async () => {
    const missing: SysctlRule = { kind: 'sysctl', name: 'net/ipv4/vs/no_such', value: '1' };
    await apply(add(service(web4))); // The files of IPVS come with the module.
    expect(await messages(set(conntrack), set(missing))).toEqual([
      expect.stringContaining('(ENOENT)'),
    ]);
    const seen = await own(conntrack.name, missing.name);
    expect(seen.get(`sysctl ${conntrack.name}`)).toEqual(conntrack);
    expect(seen.has(`sysctl ${missing.name}`)).toBe(false);
    expect((await own()).has(`sysctl ${conntrack.name}`)).toBe(false);
  });

  const foreignIsLeftAlone = async (): Promise<void> => {
    const foreign = service(web4, { scheduler: 'rr', destinations: [destination('10.0.0.99')] });
    await subject.plantForeign(foreign);
    const addition = service(web4, { destinations: [destination('10.0.0.11')] });
    expect(await apply(add(addition))).toEqual(['0 EEXIST']);
    const seen = await kernel.observe({ sysctls: [] });
    expect(textOf(seen.own)).toBe('');
    expect(seen.foreign).toEqual([foreign]);
    expect(await kernel.counters()).toEqual([]);
    expect(await kernel.counters([web4])).toMatchObject([{ match: web4 }]);
  };
  // A test that is not there is not one that is skipped.
  if (holds(foreignTest)) it(foreignTest, foreignIsLeftAlone);

  it('failures say what was asked', async () => {
    const rule = service(web4);
    expect(await messages(remove(rule), add(of(rule, destination('10.0.0.11'))))).toEqual([
      expect.stringMatching(/^delete ipvs 10\.96\.0\.1:80\/tcp: .*\(ESRCH\)$/),
      expect.stringMatching(
        /^add destination 10\.0\.0\.11:8080 masq weight=1 of 10\.96\.0\.1:80\/tcp: .*\(ESRCH\)$/,
      ),
    ]);
  });

  it('a pass without virtual services leaves them out, or says that it does not', async () => {
    await apply(add(vipDevice()), add(service(web4)), add(address('10.96.0.1/32')));
    const {
      own: seen,
      foreign,
      leftOut,
    } = await kernel.observe({
      sysctls: [],
      withoutVirtualServices: true,
    });
    const services = leftOut === 'none' ? ['ipvs 10.96.0.1:80/tcp wrr'] : [];
    const others = ['addr 10.96.0.1/32 dev mesh0', 'link mesh0 type dummy mtu 1500 up'];
    expect(textOf(seen)).toBe([...others, ...services].sort().join('\n'));
    expect(foreign).toEqual([]);
  });

  it('counters start at nothing, of each service and destination', async () => {
    await apply(add(service(web4, { destinations: [destination('10.0.0.11', { weight: 7 })] })));
    expect(await kernel.counters()).toMatchObject([
      {
        match: web4,
        connections: 0,
        inBytes: 0,
        outBytesPerS: 0,
        destinations: [
          { address: '10.0.0.11', port: 8080, weight: 7, active: 0, inactive: 0, persistent: 0 },
        ],
      },
    ]);
    expect(await kernel.counters([])).toEqual([]);
  });

  it('says what carries the packets', async () => {
    const { kind, detail } = await kernel.dataPath();
    expect(`${kind}: ${detail}`).toMatch(
      /^(ipvs: ip_vs \d+\.\d+\.\d+, \d+ buckets|nftables: table inet meshd-lb, connection tracking)$/,
    );
    expect(await kernel.connections({ limit: 10 })).toEqual([]);
  });

  describe('when the sandbox vanished', () => {
    it('every operation says so', async () => {
      await kernel.observe({ sysctls: [] });
      await subject.vanish();
      const asked = [
        () => kernel.observe({ sysctls: [] }),
        () => kernel.apply([add(service(web4))]),
        () => kernel.counters(),
        () => kernel.connections({ limit: 1 }),
        () => kernel.dataPath(),
        () => kernel.routeTo('10.0.0.1'),
        () => kernel.watch(() => undefined),
      ];
      for (const ask of asked) {
        const error = await ask().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({
          code: 'not_found',
          message: `sandbox ${kernel.sandbox}: network namespace vanished (ENOENT)`,
        });
        expect(isNotFound(error)).toBe(true);
      }
    });
  });
}
