import type { ServiceSpec } from '../model/index.js';
import { checkAcross } from './check-across.js';
import { readEntry } from './check-spec.js';
import { completeConfig, daemonEntry, type DaemonConfig } from './daemon-entry.js';
import { linesOf } from './locate.js';
import { ConfigError, formatPath, problemsOf, type Problem } from './problem.js';
import type { ServiceDefaults } from './service-entry.js';
import { parseText } from './text.js';
import { limits } from './tunables.js';
import { prefixRange, rangesOverlap, whyNoPool } from './usable.js';

export interface ParsedConfig {
  readonly config: DaemonConfig;
  /** In the order of the file. */
  readonly specs: readonly ServiceSpec[];
}

/**
 * Reads and checks a configuration file. `fileName` is for messages.
 * Errors: ConfigError, which lists all problems (up to `limits.problems`) with their lines.
 */
export function parseConfig(text: string, fileName: string): ParsedConfig {
  const root = parseText(text, fileName);
  const problems: Problem[] = [];
  const parsed = daemonEntry.safeParse(root);
  if (!parsed.success) problems.push(...problemsOf(parsed.error.issues, root, []));
  const config = parsed.success ? completeConfig(parsed.data) : undefined;
  if (config !== undefined) checkPools(config.pools, problems);
  const services = isMapping(root) ? root['services'] : undefined;
  const specs = readServices(services, config?.serviceDefaults ?? {}, problems);
  if (problems.length === 0) {
    for (const { path, text: problem, related } of checkAcross(specs, config!.pools)) {
      problems.push({
        path: ['services', ...path],
        text: problem,
        ...(related === undefined ? {} : { related: ['services', ...related] }),
      });
    }
  }
  if (problems.length > 0) throw errorOf(problems, text, fileName);
  return { config: config!, specs };
}

/** Stops at the limit of problems: a file of mistakes must not cost more than a good one. */
function readServices(
  services: unknown,
  defaults: ServiceDefaults,
  problems: Problem[],
): ServiceSpec[] {
  if (services === undefined || services === null) return [];
  const path = ['services'];
  if (!Array.isArray(services) || services.length > limits.services) {
    const found = Array.isArray(services) ? `, got ${services.length}` : '';
    problems.push({ path, text: `expected a list of at most ${limits.services} services${found}` });
    return [];
  }
  const destinations = services.reduce<number>((sum, entry) => sum + destinationCount(entry), 0);
  if (destinations > limits.destinations) {
    const text = `at most ${limits.destinations} destinations in all, got ${destinations}`;
    problems.push({ path, text });
    return [];
  }
  const specs: ServiceSpec[] = [];
  for (const [index, entry] of services.entries()) {
    if (problems.length > limits.problems) break;
    const result = readEntry(entry, defaults);
    if ('spec' in result) specs.push(result.spec);
    else {
      for (const problem of result.problems) {
        problems.push({ ...problem, path: ['services', index, ...problem.path] });
      }
    }
  }
  return specs;
}

function destinationCount(entry: unknown): number {
  const destinations = isMapping(entry) ? entry['destinations'] : undefined;
  return Array.isArray(destinations) ? destinations.length : 0;
}

function checkPools(pools: readonly string[], problems: Problem[]): void {
  const ranges = pools.map(prefixRange);
  ranges.forEach((range, i) => {
    const reason = whyNoPool(range.prefix);
    const other = ranges.slice(0, i).findIndex((earlier) => rangesOverlap(earlier, range));
    const path = ['pools', i];
    if (reason !== undefined) {
      problems.push({ path, text: `${range.prefix} cannot be a pool of VIPs: ${reason}` });
    }
    if (other !== -1) {
      const text = `${range.prefix} overlaps pools[${other}] (${pools[other]!})`;
      problems.push({ path, text });
    }
  });
}

function errorOf(problems: readonly Problem[], text: string, fileName: string): ConfigError {
  const shown = problems.slice(0, limits.problems);
  const paths = shown.flatMap(({ path, related }) => [path, related ?? []]);
  const lines = linesOf(text, paths);
  const listed = shown.map(({ path, text: problem, related }, i) => {
    const line = lines[2 * i];
    const relatedLine = lines[2 * i + 1];
    const where = relatedLine === undefined ? '' : `, line ${relatedLine}`;
    const place = related === undefined ? '' : ` (${formatPath(related)}${where})`;
    return {
      field: formatPath(path),
      ...(line === undefined ? {} : { line }),
      text: `${problem}${place}`,
    };
  });
  listed.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return new ConfigError(fileName, listed, problems.length > shown.length);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
