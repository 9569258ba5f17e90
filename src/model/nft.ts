/**
 * The nftables tables of a sandbox: fixed chains and rules, all variability in sets and maps.
 * Names of fields and types are those of `nft` (8), so that the text form can be read as such.
 */
export type NftType = 'ipv4_addr' | 'ipv6_addr' | 'inet_proto' | 'inet_service' | 'mark';

export interface NftSet {
  readonly name: string;
  /** Concatenated key, most significant first. */
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
  | 'meta l4proto'
  | 'th dport'
  | 'ct original ip daddr'
  | 'ct original ip6 daddr';

export type NftStatement =
  /** Goes on when the concatenated fields are (not) in the set. */
  | {
      readonly type: 'lookup';
      readonly fields: readonly NftField[];
      readonly set: string;
      readonly negate?: boolean;
    }
  /** Sets the packet's mark to what the map says; stops the rule when the key is not in it. */
  | { readonly type: 'mark-from-map'; readonly fields: readonly NftField[]; readonly map: string }
  | { readonly type: 'counter' }
  | { readonly type: 'masquerade' };

export interface NftRule {
  /** Why the rule is there; kept in the kernel with it and the means to recognise it again. */
  readonly comment: string;
  readonly statements: readonly NftStatement[];
}

export interface NftChain {
  readonly name: string;
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  /** Lower runs earlier; -300 raw, -150 mangle, -100 dstnat, 0 filter, 100 srcnat. */
  readonly priority: number;
  readonly rules: readonly NftRule[];
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
    case 'mark-from-map':
      return `meta mark set ${statement.fields.join(' . ')} map @${statement.map}`;
    case 'counter':
    case 'masquerade':
      return statement.type;
  }
}

/** The whole table as `nft list table inet NAME` would lay it out, without elements. */
export function formatNftTable(table: NftTable): string {
  const sets = table.sets.map((set) => {
    const type = set.key.join(' . ') + (set.value === undefined ? '' : ` : ${set.value}`);
    const flags = set.interval ? ' flags interval;' : '';
    return `  ${set.value === undefined ? 'set' : 'map'} ${set.name} { type ${type};${flags} }`;
  });
  const chains = table.chains.flatMap((chain) => [
    `  chain ${chain.name} { type ${chain.type} hook ${chain.hook} priority ${chain.priority};`,
    ...chain.rules.map((rule) => {
      const body = rule.statements.map(formatNftStatement).join(' ');
      return `    ${body} comment "${rule.comment}"`;
    }),
    '  }',
  ]);
  return [...sets, ...chains].join('\n');
}
