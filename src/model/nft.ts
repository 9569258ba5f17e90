/**
 * The nftables tables of a sandbox: fixed chains and rules, all variability in sets and maps.
 * Names of fields and types are those of `nft` (8), so that the text form can be read as such.
 */
export type NftType =
  | 'ipv4_addr'
  | 'ipv6_addr'
  | 'ether_addr'
  | 'ifname'
  | 'inet_proto'
  | 'inet_service'
  | 'mark'
  /** What the field of that name holds; the only part of its key. */
  | '@th,96,24';

export interface NftSet {
  readonly name: string;
  /** Concatenated key, most significant first; at most 5 parts. */
  readonly key: readonly NftType[];
  /** Present for a map. */
  readonly value?: NftType;
  /** Keys may be ranges or prefixes. */
  readonly interval: boolean;
}

/** What a statement looks at in a packet. */
export type NftField =
  | 'ip saddr'
  | 'ip daddr'
  | 'ip6 saddr'
  | 'ip6 daddr'
  /** Of what came in by an Ethernet device: not in hook output. */
  | 'ether saddr'
  | 'iifname'
  | 'oifname'
  | 'meta l4proto'
  | 'meta mark'
  | 'th sport'
  | 'th dport'
  /** The VNI of a VXLAN packet: 24 bits from bit 96 of the UDP header on. */
  | '@th,96,24'
  | 'ct mark'
  | 'ct original ip daddr'
  | 'ct original ip6 daddr';

/** Looks a key up in a map. */
interface FromMap {
  readonly fields: readonly NftField[];
  readonly map: string;
}

/** Goes on when the bits of `mask` have `value`. Both 0-0xffffffff. */
interface MarkIs {
  readonly mask: number;
  readonly value: number;
}

export type NftStatement =
  /** Goes on when the concatenated fields are (not) in the set. */
  | {
      readonly type: 'lookup';
      readonly fields: readonly NftField[];
      readonly set: string;
      readonly negate?: boolean;
    }
  /** Goes on for packets of that transport protocol, or of any other one. */
  | {
      readonly type: 'protocol';
      readonly protocol: 'tcp' | 'udp' | 'sctp';
      readonly negate?: boolean;
    }
  /** Goes on when the destination is an address of this sandbox. */
  | { readonly type: 'fib-local' }
  /** Goes on when it is not. */
  | { readonly type: 'fib-elsewhere' }
  /** Goes on when the device that it came by, or leaves by, is (not) of that group. */
  | {
      readonly type: 'device-group';
      readonly field: 'iifgroup' | 'oifgroup';
      readonly group: number;
      readonly negate?: boolean;
    }
  /** Goes on when the packet leaves by another device than loopback. */
  | { readonly type: 'leaves-host' }
  /** Goes on for packets of whom the connection did not begin with. */
  | { readonly type: 'reply-direction' }
  /**
   * Goes on when the packet belongs to a socket of a process in this sandbox. What the kernel makes
   * of it, such as a VXLAN packet around it, belongs to the same socket; what came from another
   * sandbox, forwarded or bridged, belongs to none here.
   */
  | { readonly type: 'socket-user' }
  | ({ readonly type: 'mark-is' } & MarkIs)
  | ({ readonly type: 'ct-mark-is' } & MarkIs)
  /** Sets the packet's mark to what the map says; stops the rule when the key is not in it. */
  | ({ readonly type: 'mark-from-map' } & FromMap)
  /**
   * Sets a port of TCP or UDP to what the map says; stops the rule when the key is not in it. The
   * checksum is left to the device: for packets that do not leave the sandbox, which carry none.
   */
  | ({ readonly type: 'port-from-map'; readonly port: 'th sport' | 'th dport' } & FromMap)
  /** Sets the packet's mark to that of its connection. */
  | { readonly type: 'mark-from-ct-mark' }
  /** The other way round; goes on where nothing is tracked. */
  | { readonly type: 'ct-mark-from-mark' }
  | { readonly type: 'mark-clear' }
  /** Connection tracking does not look at the packet; for chains of priority raw. */
  | { readonly type: 'notrack' }
  /** What it has counted is not read back. */
  | { readonly type: 'counter' }
  | { readonly type: 'masquerade' }
  /** Goes on in a chain without a hook, and does not come back. */
  | { readonly type: 'goto'; readonly chain: string }
  | { readonly type: 'accept' }
  | { readonly type: 'drop' };

export interface NftRule {
  /** Why the rule is there; kept in the kernel with it and the means to recognise it again. */
  readonly comment: string;
  readonly statements: readonly NftStatement[];
}

/** A chain that packets come to by itself, or by `goto` alone. */
export type NftChain = NftBaseChain | NftPlainChain;

export interface NftPlainChain {
  readonly name: string;
  readonly rules: readonly NftRule[];
}

export interface NftBaseChain extends NftPlainChain {
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  /** Lower runs earlier; -300 raw, -150 mangle, -100 dstnat, 0 filter, 100 srcnat. */
  readonly priority: number;
}

export interface NftTable {
  /** `meshd-` and what the table is for; see `isOurNftTable`. The family is inet. */
  readonly name: string;
  readonly sets: readonly NftSet[];
  readonly chains: readonly NftChain[];
}

export function formatNftStatement(statement: NftStatement): string {
  switch (statement.type) {
    case 'lookup': {
      const relation = statement.negate === true ? '!= ' : '';
      return `${statement.fields.join(' . ')} ${relation}@${statement.set}`;
    }
    case 'protocol':
      return `meta l4proto ${statement.negate === true ? '!= ' : ''}${statement.protocol}`;
    case 'goto':
      return `goto ${statement.chain}`;
    case 'device-group':
      return `${statement.field} ${statement.negate === true ? '!= ' : ''}${statement.group}`;
    case 'mark-is':
      return `meta ${formatMarkIs(statement)}`;
    case 'ct-mark-is':
      return `ct ${formatMarkIs(statement)}`;
    case 'mark-from-map':
      return `meta mark set ${formatFromMap(statement)}`;
    case 'port-from-map':
      return `${statement.port} set ${formatFromMap(statement)}`;
    case 'fib-local':
    case 'fib-elsewhere':
    case 'leaves-host':
    case 'reply-direction':
    case 'socket-user':
    case 'mark-from-ct-mark':
    case 'ct-mark-from-mark':
    case 'mark-clear':
    case 'notrack':
    case 'counter':
    case 'masquerade':
    case 'accept':
    case 'drop':
      return fixedTexts[statement.type];
  }
}

const fixedTexts = {
  'fib-local': 'fib daddr type local',
  'fib-elsewhere': 'fib daddr type != local',
  'leaves-host': 'meta oiftype != loopback',
  'reply-direction': 'ct direction reply',
  'socket-user': 'meta skuid >= 0',
  'mark-from-ct-mark': 'meta mark set ct mark',
  'ct-mark-from-mark': 'ct mark set meta mark',
  'mark-clear': 'meta mark set 0x00000000',
  notrack: 'notrack',
  counter: 'counter',
  masquerade: 'masquerade',
  accept: 'accept',
  drop: 'drop',
} as const;

function formatFromMap({ fields, map }: FromMap): string {
  return `${fields.join(' . ')} map @${map}`;
}

function formatMarkIs({ mask, value }: MarkIs): string {
  return `mark & ${hex(mask)} == ${hex(value)}`;
}

function hex(mark: number): string {
  return `0x${mark.toString(16).padStart(8, '0')}`;
}

/** The whole table as `nft list table inet NAME` would lay it out, without elements. */
export function formatNftTable(table: NftTable): string {
  const sets = table.sets.map((set) => {
    const type = set.key.join(' . ') + (set.value === undefined ? '' : ` : ${set.value}`);
    const said = set.key[0] === '@th,96,24' ? `typeof ${type}` : `type ${type}`;
    const flags = set.interval ? ' flags interval;' : '';
    return `  ${set.value === undefined ? 'set' : 'map'} ${set.name} { ${said};${flags} }`;
  });
  const chains = table.chains.flatMap((chain) => [
    `  chain ${chain.name} {${hookOf(chain)}`,
    ...chain.rules.map((rule) => {
      const body = rule.statements.map(formatNftStatement).join(' ');
      return `    ${body} comment "${rule.comment}"`;
    }),
    '  }',
  ]);
  return [...sets, ...chains].join('\n');
}

function hookOf(chain: NftChain): string {
  if (!('hook' in chain)) return '';
  return ` type ${chain.type} hook ${chain.hook} priority ${chain.priority};`;
}
