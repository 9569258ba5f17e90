import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from './base/index.js';
import { parseConfig } from './config/index.js';
import { describePlan, HostAddresses, restoreTable } from './host/index.js';
import { readJournal } from './io/index.js';
import { openLinuxKernel } from './kernel/linux/index.js';
import { planOps } from './reconcile/index.js';
import { compileBase, compileService, managedSysctls, RuleTable } from './rules/index.js';
import { replay, ServiceTable, VipPool } from './store/index.js';

/**
 * What `meshd run` with this file would change in the kernel as it is now, as text. Health checks
 * are taken to succeed. Errors: ConfigError, KernelError.
 */
export async function planFile(path: string, open = openLinuxKernel): Promise<string> {
  const { config, specs } = parseConfig(await readFile(path, 'utf8'), path);
  const table = new ServiceTable(new VipPool(config.pools));
  const records = await readJournal(join(config.stateDir, 'state.jsonl'));
  restoreTable(table, specs, replay(records), silentLog);
  const kernel = await open({ balancer: config.dataPath, netns: config.netnsPath });
  try {
    const rules = new RuleTable();
    rules.put('', compileBase(config.idleTimeouts));
    const observation = await kernel.observe({ sysctls: managedSysctls });
    const host = new HostAddresses(observation.hostAddresses);
    const withheld: string[] = [];
    for (const { service } of table.all()) {
      const { name, vips } = service;
      const reason = host.reasonAgainst(vips);
      if (reason !== undefined) withheld.push(`# withheld: ${name}: ${reason}`);
      else rules.put(name, compileService(service, { onLink: host.onLink, isHealthy: () => true }));
    }
    const plan = await describePlan(planOps(rules.desired, observation), observation.foreign, {
      kernel,
      held: (key) => observation.own.get(key),
      serviceOf: (key) => rules.ownerOf(key),
    });
    return formatPlan(plan, withheld);
  } finally {
    await kernel.close();
  }
}

type Plan = Awaited<ReturnType<typeof describePlan>>;

function formatPlan({ ops, foreign }: Plan, withheld: readonly string[]): string {
  const cut = ops.reduce((sum, op) => sum + op.cutsConnections, 0);
  const lines = [
    ...ops.map(({ text, cutsConnections }) =>
      cutsConnections === 0 ? text : `${text}  # ${cutsConnections} open connections`,
    ),
    ...withheld,
    ...foreign.map((rule) => `# left alone: ${rule.replaceAll('\n', '\n#   ')}`),
    `# ${ops.length} changes; ${cut} open connections lose their destination`,
  ];
  return `${lines.join('\n')}\n`;
}
