import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from './base/index.js';
import { parseConfig } from './config/index.js';
import { describePlan, restoreTable } from './host/index.js';
import { readJournal } from './io/index.js';
import { openLinuxKernel } from './kernel/linux/index.js';
import { planOps } from './reconcile/index.js';
import { compileBase, compileService, managedSysctls, OnLink, RuleTable } from './rules/index.js';
import { replay, ServiceTable, VipPool } from './store/index.js';

/**
 * What `meshd run` with this file would change in the kernel as it is now, as text. Health checks
 * are taken to succeed. Errors: ConfigError, KernelError.
 */
export async function planFile(path: string): Promise<string> {
  const { config, specs } = parseConfig(await readFile(path, 'utf8'), path);
  const table = new ServiceTable(new VipPool(config.pools));
  const records = await readJournal(join(config.stateDir, 'state.jsonl'));
  restoreTable(table, specs, replay(records), silentLog);
  const { netnsPath } = config;
  const kernel = await openLinuxKernel(netnsPath === undefined ? {} : { netns: netnsPath });
  try {
    const rules = new RuleTable();
    rules.put('', compileBase(config.idleTimeouts));
    const observation = await kernel.observe({ sysctls: managedSysctls });
    const onLink = new OnLink(observation.hostAddresses.filter(({ scope }) => scope === 'global'));
    for (const { service } of table.all()) {
      rules.put(service.name, compileService(service, { onLink, isHealthy: () => true }));
    }
    const plan = await describePlan(planOps(rules.desired, observation), observation.foreign, {
      kernel,
      held: (key) => observation.own.get(key),
      serviceOf: (key) => rules.ownerOf(key),
    });
    return formatPlan(plan);
  } finally {
    await kernel.close();
  }
}

function formatPlan({ ops, foreign }: Awaited<ReturnType<typeof describePlan>>): string {
  const lines = ops.map(({ text, cutsConnections }) =>
    cutsConnections === 0 ? text : `${text}  # ${cutsConnections} open connections`,
  );
  const cut = ops.reduce((sum, op) => sum + op.cutsConnections, 0);
  lines.push(...foreign.map((rule) => `# left alone: ${rule.replaceAll('\n', '\n#   ')}`));
  lines.push(`# ${ops.length} changes; ${cut} open connections lose their destination`);
  return `${lines.join('\n')}\n`;
}
