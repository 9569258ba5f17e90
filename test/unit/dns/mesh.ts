import { decode, encode, type Answer, type RecordType } from 'dns-packet';
import { silentLog } from '../../../src/base/index.js';
import {
  cacheHandler,
  DnsStats,
  errorsHandler,
  Forwarder,
  reverseHandler,
  taskHandler,
  vipHandler,
  type AnswerKeeper,
  type Asker,
  type Handlers,
  type NetworkNames,
  type Upstream,
  type View,
} from '../../../src/dns/index.js';
import { endpointsByService, type Endpoint, type Service } from '../../../src/model/index.js';

export interface AskOptions {
  readonly on?: readonly string[];
  readonly edns?: number;
  readonly version?: number;
  readonly class?: number;
  readonly transport?: 'udp' | 'tcp';
}

const clock = { now: () => 0, wallMs: () => 0, after: () => () => undefined };

/** Answers any question with one address. */
export const elsewhere: Upstream = {
  name: '192.0.2.53:53',
  exchange: (question) => {
    const { id, questions = [] } = decode(question);
    const [{ name, type }] = questions as [{ name: string; type: RecordType }];
    const answers: Answer[] = [{ name, type: 'A', ttl: 300, data: '192.0.2.80' }];
    const asked = { type, name };
    return Promise.resolve(
      encode({ id: id!, type: 'response', flags: 0x0180, questions: [asked], answers }),
    );
  },
};

export function handlersFor(
  upstreams: readonly Upstream[] = [elsewhere],
  keeper?: AnswerKeeper,
): Handlers {
  const stats = new DnsStats(clock, silentLog);
  return {
    errors: errorsHandler(silentLog),
    metrics: stats.handler,
    cache: cacheHandler(() => keeper, stats),
    vip: vipHandler,
    task: taskHandler,
    reverse: reverseHandler,
    forward: new Forwarder({ clock, upstreams: () => upstreams }).handler,
  };
}

/** Two networks: front, and back, which is internal. */
export function mesh(on: readonly string[]): Asker {
  const view: View = {
    id: on.length,
    networks: on.map((name) => networks[name as keyof typeof networks]),
    domain: 'mesh.internal',
    ttlS: 5,
    serial: 7,
    // Nothing changes places.
    random: () => 0.999,
  };
  return { sandbox: '/run/netns/t', view: () => view, mayForward: () => on.includes('front') };
}

export function endpoint(
  name: string,
  host: number,
  services: readonly string[],
  node = 'a',
): Endpoint {
  return {
    name,
    network: 'front',
    node,
    vtep: '10.0.0.1',
    addresses: [`10.64.0.${host}`, `fd00:64::${host.toString(16)}`],
    mac: '02:4d:0a:40:00:02',
    services: Object.fromEntries(services.map((service) => [service, 1])),
    isEntry: false,
    isAway: false,
  };
}

export function service(name: string, parts: Partial<Service>): Service {
  // What else a service has is nothing to its names.
  const rest = { aliases: [], publish: [], endpointMode: 'vip', vips: [] } as Partial<Service>;
  return { name, ...rest, ...parts } as Service;
}

const published = (targetPort: number): Service['publish'] => [
  {
    protocol: 'tcp',
    port: 80,
    targetPort,
    count: 1,
    mode: 'ingress',
    source: 'preserve',
    policy: 'any',
    allowFrom: [],
  },
];

const crowd = Array.from({ length: 40 }, (_, i) => endpoint(`crowd-${i}`, 100 + i, ['crowd']));

const front = namesOf(
  'front',
  [
    service('web', {
      vips: ['10.64.0.200', 'fd00:64::c8'],
      publish: published(8_080),
      aliases: ['www', 'shop.example'],
    }),
    service('bare', { endpointMode: 'dnsrr' }),
    service('brief', {
      vips: ['10.64.0.201'],
      publish: published(8_080),
      aliases: ['short'],
      dnsTtlS: 1,
    }),
    service('never', { endpointMode: 'dnsrr', dnsTtlS: 0 }),
    service('idle', { endpointMode: 'dnsrr' }),
    service('crowd', { endpointMode: 'dnsrr' }),
  ],
  [
    endpoint('web-1', 2, ['web', 'bare']),
    endpoint('web-2', 3, ['web', 'bare'], 'b'),
    { ...endpoint('web-3', 4, ['web', 'bare'], 'c'), isAway: true },
    { ...endpoint('web-4', 5, ['web']), services: { web: 0 } },
    endpoint('brief-1', 8, ['brief', 'never']),
    endpoint('twin', 6, []),
    endpoint('twin', 7, [], 'b'),
    ...crowd,
  ],
);
const back = namesOf('back', [service('secret', { vips: ['10.65.0.200'] })], []);
/** On no network: as the host sees it. */
const alone = namesOf(
  undefined,
  [
    service('api', {
      vips: ['10.96.0.1', 'fd00:96::1'],
      ports: [
        { protocol: 'tcp', port: 443, targetPort: 8443, count: 1 },
        { protocol: 'udp', port: 2_000, targetPort: 2_000, count: 100 },
      ],
      destinations: [
        { name: 'one', address: '192.0.2.1', weight: 1, draining: false },
        { name: 'two', address: '192.0.2.2', weight: 0, draining: false },
        { name: 'three', address: '192.0.2.3', weight: 1, draining: true },
        { name: 'four', address: '192.0.2.4', weight: 2, draining: false },
      ],
    }),
  ],
  [],
);
const networks = { front, back, alone };

export function namesOf(
  network: string | undefined,
  services: readonly Service[],
  endpoints: readonly Endpoint[],
): NetworkNames {
  const byService = endpointsByService(endpoints);
  return {
    ...(network === undefined ? {} : { network }),
    service: (name) => services.find((one) => one.name === name),
    aliased: (alias) => services.find(({ aliases }) => aliases.includes(alias)),
    endpointsOf: (name) => byService.get(name) ?? [],
    tasks: (name) => endpoints.filter((one) => one.name === name),
    nameAt: (address) =>
      services.find(({ vips }) => vips.includes(address))?.name ??
      endpoints.find(({ addresses }) => addresses.includes(address))?.name,
  };
}

export function query(name: string, type: string, options: AskOptions = {}): Buffer {
  const { edns, version = 0 } = options;
  const bytes = encode({
    type: 'query',
    id: 4_711,
    flags: 0x0100,
    questions: [{ name, type: type as RecordType }],
    ...(edns === undefined
      ? {}
      : {
          additionals: [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: edns,
              flags: 0,
              extendedRcode: 0,
              ednsVersion: version,
              flag_do: false,
              options: [],
            },
          ],
        }),
  });
  if (options.class !== undefined) {
    // Behind the name, which ends with a zero byte, and the type.
    bytes.writeUInt16BE(options.class, bytes.indexOf(0, 12) + 3);
  }
  return bytes;
}

/** As dns-packet, which knows nothing of us, reads it. */
export function say(response: Buffer | undefined): string {
  if (response === undefined) return 'no response';
  const packet = decode(response);
  const flags = ['aa', 'tc', 'ra'].filter((one) => packet[`flag_${one}` as 'flag_aa']);
  const questions = (packet.questions ?? []).map(({ name }) => name);
  // Its types know nothing of it.
  const { rcode } = packet as unknown as { rcode: string };
  const head = [response.length, 'bytes', rcode, ...flags, 'id', packet.id].join(' ');
  const lines = (packet.answers ?? []).map((one) => `  ${line(one)}`);
  const authority = (packet.authorities ?? []).map((one) => `  authority: ${line(one)}`);
  const opt = (packet.additionals ?? []).filter(({ type }) => type === 'OPT').length;
  const edns = opt === 0 ? [] : ['  EDNS'];
  return [`${head} of ${questions.join()}`, ...lines, ...authority, ...edns].join('\n');
}

function line(answer: Answer): string {
  if (answer.type === 'OPT') return 'OPT';
  const { data } = answer as { data: unknown };
  const parts = Array.isArray(data) ? data : typeof data === 'string' ? [data] : values(data);
  const text = parts.map(String).join(' ');
  const { name, ttl } = answer as { name: string; ttl?: number };
  return `${name} ${ttl} ${answer.type} ${text}`;
}

function values(data: unknown): unknown[] {
  return Object.values(data as object);
}
