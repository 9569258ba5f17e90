import {
  type Destination,
  type LinkRule,
  type NftSet,
  type NftType,
  type Protocol,
  type Rule,
  type RuleSet,
  type Scheduler,
  type SchedulerFlag,
  type TunnelType,
  type VirtualServiceMatch,
  type VirtualServiceRule,
  type WireguardPeerRule,
  type WireguardRule,
  ruleKey,
} from '../../src/model/index.js';

/** Reads what formatRule prints, so that tests can write rules down as people read them. */
export function parseRules(lines: readonly string[]): Rule[] {
  const rules: Rule[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const inner: string[] = [];
    while (lines[i + 1]?.startsWith('  ') === true) inner.push(lines[++i]!.trim());
    rules.push(parseRule(line, inner));
  }
  return rules;
}

export function parseRuleSet(lines: readonly string[]): RuleSet {
  return new Map(parseRules(lines).map((rule) => [ruleKey(rule), rule]));
}

function parseRule(line: string, inner: readonly string[]): Rule {
  const words = line.split(' ');
  switch (words[0] ?? '') {
    case 'link':
      return words[1] === 'lo' ? { kind: 'loopback' } : parseLink(words);
    case 'addr':
      return { kind: 'address', prefix: words[1]!, device: words[3]! };
    case 'route':
      return parseRoute(words);
    case 'rule':
      return parsePolicy(words);
    case 'neigh':
      return { kind: 'neighbor', address: words[1]!, device: words[3]!, mac: words[5]! };
    case 'fdb':
      return { kind: 'fdb', mac: words[1]!, device: words[3]!, vtep: words[5]! };
    case 'wireguard':
      return words[1] === 'peer' ? parsePeer(words) : parseWireguard(words);
    case 'sysctl':
      return { kind: 'sysctl', name: words[1]!, value: words.slice(3).join(' ') };
    case 'ipvs':
      return words[1] === 'timeouts' ? parseTimeouts(words) : parseVirtualService(words, inner);
    case 'nft':
      return words[1] === 'table'
        ? { kind: 'nft-table', name: words[3]!, sets: inner.map(parseSet), chains: [] }
        : parseElement(line);
    default:
      throw new Error(`no such rule: ${line}`);
  }
}

/** The word after `name`, if any. */
function after(words: readonly string[], name: string): string | undefined {
  const i = words.indexOf(name);
  return i === -1 ? undefined : words[i + 1];
}

/** An object without the entries that are undefined. */
function present<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;
}

function numberAfter(words: readonly string[], name: string): number | undefined {
  const text = after(words, name);
  return text === undefined ? undefined : Number(text);
}

function parseLink(words: readonly string[]): LinkRule {
  const vni = numberAfter(words, 'id');
  const isProxy = words.includes('proxy');
  // What follows `peer` is the peer's.
  const peerAt = words.indexOf('peer');
  const own = peerAt === -1 ? words : words.slice(0, peerAt);
  const peer = peerAt === -1 ? [] : words.slice(peerAt);
  return present<LinkRule>({
    kind: 'link',
    name: words[1]!,
    type: words[3] as LinkRule['type'],
    up: words.at(-1) === 'up',
    mac: after(own, 'mac'),
    mtu: numberAfter(words, 'mtu'),
    master: after(words, 'master'),
    group: numberAfter(words, 'group'),
    peer:
      peerAt === -1
        ? undefined
        : present({ name: peer[1]!, mac: after(peer, 'mac'), netns: after(peer, 'netns') }),
    vxlan:
      vni === undefined
        ? undefined
        : {
            vni,
            port: numberAfter(words, 'dstport')!,
            local: after(words, 'local')!,
            proxy: isProxy,
          },
  });
}

function parseRoute(words: readonly string[]): Rule {
  const typed = words[1] === 'local' || words[1] === 'blackhole';
  return present<Extract<Rule, { kind: 'route' }>>({
    kind: 'route',
    type: typed ? (words[1] as 'local' | 'blackhole') : 'unicast',
    destination: words[typed ? 2 : 1]!,
    table: numberAfter(words, 'table')!,
    device: after(words, 'dev'),
    gateway: after(words, 'via'),
    source: after(words, 'src'),
    metric: numberAfter(words, 'metric'),
  });
}

function parsePolicy(words: readonly string[]): Rule {
  const [mark, mask] = after(words, 'fwmark')?.split('/') ?? [];
  return present<Extract<Rule, { kind: 'policy' }>>({
    kind: 'policy',
    family: words[1] === 'v6' ? 6 : 4,
    priority: parseInt(words[2]!),
    from: after(words, 'from'),
    to: after(words, 'to'),
    fwmark: mark === undefined ? undefined : Number(mark),
    fwmask: mask === undefined ? undefined : Number(mask),
    table: numberAfter(words, 'lookup')!,
  });
}

function parseWireguard(words: readonly string[]): Rule {
  return present<WireguardRule>({
    kind: 'wireguard',
    device: words[1]!,
    publicKey: after(words, 'key')!,
    port: numberAfter(words, 'port')!,
    fwmark: numberAfter(words, 'fwmark'),
  });
}

function parsePeer(words: readonly string[]): Rule {
  const endpoint = after(words, 'endpoint');
  const keepalive = after(words, 'keepalive');
  const allowed = after(words, 'allowed')!;
  return present<WireguardPeerRule>({
    kind: 'wireguard-peer',
    publicKey: words[2]!,
    device: after(words, 'dev')!,
    endpoint: endpoint === undefined ? undefined : parseEndpoint(endpoint),
    allowedIps: allowed === 'none' ? [] : allowed.split(','),
    keepaliveS: keepalive === undefined ? undefined : parseInt(keepalive),
    live: words.includes('live') ? true : undefined,
  });
}

function parseTimeouts(words: readonly string[]): Rule {
  const [tcpS, tcpFinS, udpS] = words.slice(2).map((word) => parseInt(word.split('=')[1]!));
  return { kind: 'ipvs-timeouts', tcpS: tcpS!, tcpFinS: tcpFinS!, udpS: udpS! };
}

function parseVirtualService(
  words: readonly string[],
  destinations: readonly string[],
): VirtualServiceRule {
  const byMark = words[1] === 'fwmark';
  const match = byMark ? parseMark(words[2]!) : parseListener(words[1]!);
  const rest = words.slice(byMark ? 3 : 2);
  const [seconds, prefix] = (rest.find((w) => w.startsWith('affinity=')) ?? '').slice(9).split('/');
  const six = 'fwmark' in match ? match.family === 6 : match.address.includes(':');
  return {
    kind: 'virtual-service',
    match,
    scheduler: rest[0] as Scheduler,
    schedulerFlags: rest.filter((w): w is SchedulerFlag => w === 'fallback' || w === 'port'),
    affinityTimeoutS: seconds === '' ? 0 : parseInt(seconds!),
    affinityPrefix: prefix === undefined ? (six ? 128 : 32) : Number(prefix),
    onePacket: rest.includes('ops'),
    destinations: destinations.map(parseDestination),
  };
}

function parseMark(text: string): VirtualServiceMatch {
  return { fwmark: parseInt(text), family: text.endsWith('/v6') ? 6 : 4 };
}

function parseListener(text: string): VirtualServiceMatch {
  const [endpoint, protocol] = text.split('/');
  return { ...parseEndpoint(endpoint!), protocol: protocol as Protocol };
}

function parseEndpoint(text: string): { address: string; port: number } {
  const colon = text.lastIndexOf(':');
  const address = text.slice(0, colon).replace(/^\[|\]$/g, '');
  return { address, port: Number(text.slice(colon + 1)) };
}

export function parseDestination(text: string): Destination {
  const words = text.split(' ');
  const value = (name: string): number =>
    Number(words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? 0);
  const forwarding = words[1] as Destination['forwarding'];
  return {
    ...parseEndpoint(words[0]!),
    forwarding,
    weight: value('weight'),
    upperThreshold: value('upper'),
    lowerThreshold: value('lower'),
    ...(forwarding === 'tunnel'
      ? {
          tunnel: {
            type: words[2] as TunnelType,
            port: value('port'),
            checksum: words.includes('checksum'),
          },
        }
      : {}),
  };
}

function parseSet(text: string): NftSet {
  const [, name, type, flags] = /^(?:set|map) (\S+) \{ type(?:of)? ([^;]+);(.*) \}$/.exec(text)!;
  const [key, value] = type!.split(' : ');
  return {
    name: name!,
    key: key!.split(' . ') as NftType[],
    interval: flags!.includes('interval'),
    ...(value === undefined ? {} : { value: value as NftType }),
  };
}

function parseElement(line: string): Rule {
  const [, table, set, key, value] = /^nft element (\S+) (\S+) (.*?)(?: : (.*))?$/.exec(line)!;
  return {
    kind: 'nft-element',
    table: table!,
    set: set!,
    key: key!.split(' . '),
    ...(value === undefined ? {} : { value }),
  };
}
