import { startMesh } from '../cases/mesh-nodes.js';
import { endAll } from '../support/command.js';
import { Report } from '../support/report.js';
import { setScene, type Scene } from '../support/scene.js';
import { balancers } from '../support/topology.js';
import { dies, drains, flushed, restarts } from './failures.js';
import { called, explained, hosts, made, members } from './mesh.js';
import { lookAround } from './shell.js';
import { profile, Story } from './story.js';

const keep = process.argv.includes('--keep');
const report = new Report('story');
let scene: Scene | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void leave(130));
}
try {
  scene = await setScene(report);
  await play(scene);
} catch (error) {
  report.claim(false, 'the demonstration ran to its end', String(error));
}
await leave();

async function leave(status = report.failed === 0 ? 0 : 1): Promise<void> {
  await endAll();
  await scene?.topology.remove();
  process.exit(status);
}

async function play(on: Scene): Promise<void> {
  const begun = performance.now();
  const nodes = await startMesh(on, { services: false, profile });
  const story = new Story(on, nodes, begun);
  hosts(story);
  const parts = [members, made, called, explained, drains, restarts, flushed, dies];
  for (const part of parts) await part(story);
  end(story);
  if (keep) await lookAround(story);
  for (const name of balancers) await nodes[name].end('SIGTERM');
}

function end(story: Story): void {
  story.chapter('Done');
  const { passed, failed } = report;
  const verdict = failed === 0 ? 'all of them true' : `${failed} of them NOT TRUE, see above`;
  report.note(`${passed + failed} claims, ${verdict}.`);
  report.note(`
Next:
  scripts/demo --keep          the same, then a shell in which everything still runs
  scripts/e2e --list           everything else that is promised and checked with packets
  node dist/meshd.js check FILE, plan FILE, run --config FILE    on a host of yours
  README.md                    one host or many, fields of the file, commands`);
}
