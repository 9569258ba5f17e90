import { formatMatch, ruleKey, type Protocol } from '../../../src/model/index.js';
import { explain, type ExplainFacts } from '../../../src/rules/index.js';
import { bookOf } from '../../support/rule-book.js';
import { compileScene, readScene, type Scene } from './compile-script.js';

/**
 * Services and a packet `10.0.0.99 -> 10.96.0.1 80/tcp`, perhaps `bound ADDRESS PORT by REASON`,
 * to the way of the packet.
 */
export function explainScript(input: readonly string[]): string {
  const scene = readScene(input);
  const packet = scene.commands.find((line) => line.includes(' -> '))!;
  const [source, , destination, listener] = packet.split(' ');
  const [port, protocol] = listener!.split('/');
  const { steps, outcome } = explain(
    {
      source: source!,
      destination: destination!,
      port: Number(port),
      protocol: protocol as Protocol,
    },
    factsOf(scene),
  );
  const lines = steps.flatMap(({ title, detail, rule, countersOf, destination }) => [
    `${title}: ${detail}`,
    ...(rule === undefined ? [] : [`    ${rule}`]),
    ...(countersOf === undefined || destination !== undefined
      ? []
      : [`    counters of ipvs ${formatMatch(countersOf.match)}`]),
  ]);
  const to = outcome.destinations.length === 0 ? '' : ` [${outcome.destinations.join(' ')}]`;
  return [...lines, `=> ${outcome.verdict}: ${outcome.text}${to}`].join('\n');
}

function factsOf(scene: Scene): ExplainFacts {
  const rules = new Map(compileScene(scene).map((rule) => [ruleKey(rule), rule]));
  for (const line of scene.commands) {
    const drained = /^retiring (\S+) of (.*)$/.exec(line);
    const rule = drained === null ? undefined : rules.get(`ipvs ${drained[2]!}`);
    if (rule?.kind !== 'virtual-service') continue;
    const destinations = rule.destinations.map((d) =>
      d.address === drained![1] ? { ...d, weight: 0 } : d,
    );
    rules.set(ruleKey(rule), { ...rule, destinations });
  }
  const bound = /^bound (\S+) (\d+) by (.*)$/.exec(
    scene.commands.find((line) => line.startsWith('bound')) ?? '',
  );
  return {
    book: bookOf(rules.values()),
    onLink: scene.onLink,
    networkAt: () => undefined,
    withheldAt: () => undefined,
    nodeOf: () => undefined,
    publisherOf: () => undefined,
    isLocal: (address) => scene.hostAddresses.has(address),
    serviceName: ({ match }) =>
      scene.services.find(({ vips }) => 'address' in match && vips.includes(match.address))!.name,
    describeDestination: (_rule, { address }) =>
      scene.services.flatMap((s) => s.destinations).find((d) => d.address === address)!.name,
    boundBy: () =>
      bound === null ? undefined : { address: bound[1]!, port: Number(bound[2]), by: bound[3]! },
  };
}
