import {
  familyOf,
  formatEndpoint,
  formatRule,
  prefixContains,
  type Destination,
  type NftElementRule,
  type RuleSet,
  type VirtualServiceRule,
} from '../model/index.js';
import type { ExplainStep, Packet } from './explanation.js';
import { ingressTableName } from './ingress-table.js';

/*
 * The way of a packet to a published port: port -> mark -> virtual service -> tunnel -> task.
 */

/** How a packet to an address of the host itself meets a published port. */
export interface PublishedArrival {
  readonly steps: ExplainStep[];
  /** Undefined when the client is not allowed. */
  readonly rule: VirtualServiceRule | undefined;
}

/** Undefined when nothing is published there. */
export function arriveAtPort(packet: Packet, rules: RuleSet): PublishedArrival | undefined {
  const family = familyOf(packet.destination);
  const elements = elementsOf(rules);
  const port = elements.find(({ set, key }) => {
    if (set === 'ports') return isPort(packet, key);
    return (
      set === `bound${family}` && key[0] === packet.destination && isPort(packet, key.slice(1))
    );
  });
  if (port?.value === undefined) return undefined;
  const where = formatEndpoint(packet.destination, packet.port);
  const arrival: ExplainStep = {
    title: 'published port',
    detail: `${packet.source} calls ${where}/${packet.protocol}, which this node answers; the packet gets mark ${port.value}`,
    rule: formatRule(port),
  };
  const limited = elements.find(({ set, key }) => set === 'limited' && isPort(packet, key));
  const isAllowed = elements.some(({ set, key }) => {
    if (set !== `allowed${family}` || !isPort(packet, key.slice(1))) return false;
    return prefixContains(key[0]!, packet.source);
  });
  if (limited !== undefined && !isAllowed) {
    const detail = `allowFrom does not name ${packet.source}: the packet is dropped`;
    return {
      steps: [arrival, { title: 'clients', detail, rule: formatRule(limited) }],
      rule: undefined,
    };
  }
  const mark = Number(port.value);
  const rule = rules.get(`ipvs fwmark ${mark}${family === 6 ? '/v6' : ''}`);
  return { steps: [arrival], rule: rule?.kind === 'virtual-service' ? rule : undefined };
}

/** From the virtual service to the task, and back. */
export function wayToTask(
  packet: Packet,
  { address, port }: Destination,
  rules: RuleSet,
): ExplainStep[] {
  const to = formatEndpoint(address, port === 0 ? packet.port : port);
  const neighbor = [...rules.values()].find(
    (rule) => rule.kind === 'neighbor' && rule.address === address,
  );
  const fdb =
    neighbor?.kind === 'neighbor'
      ? rules.get(`fdb ${neighbor.mac} dev ${neighbor.device}`)
      : undefined;
  if (fdb?.kind !== 'fdb') {
    const detail = `the task is on this node: by the bridge into its sandbox`;
    return [{ title: `to ${to}`, detail }];
  }
  return [
    {
      title: `to ${to}`,
      detail: `by VXLAN to the node at ${fdb.vtep}, and there by the bridge into the task's sandbox`,
      rule: formatRule(fdb),
    },
  ];
}

/** How the answer finds back. */
export function wayBack(packet: Packet, rule: VirtualServiceRule, rules: RuleSet): ExplainStep {
  const mark = 'fwmark' in rule.match ? `0x${rule.match.fwmark.toString(16)}` : '';
  const isHidden = rules.has(`nft element ${ingressTableName} snat ${mark}`);
  const seen = isHidden ? 'this node (source: snat)' : `${packet.source}, the client's own address`;
  return {
    title: 'answer',
    detail: `the task sees ${seen}; it answers through the node that the call came in by, which this one is, and which gives the answer the address that was called`,
  };
}

function elementsOf(rules: RuleSet): NftElementRule[] {
  return [...rules.values()].flatMap((rule) =>
    rule.kind === 'nft-element' && rule.table === ingressTableName ? [rule] : [],
  );
}

/** A key of protocol and port or range. */
function isPort({ protocol, port }: Packet, [wanted, range = '']: readonly string[]): boolean {
  const [first, last = first] = range.split('-').map(Number);
  return wanted === protocol && first! <= port && port <= last!;
}
