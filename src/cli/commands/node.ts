import { methods, type NodeState, type PathVerdict } from '../../api/index.js';
import type { Cli } from '../cli.js';
import type { Column } from '../table.js';

/** meshctl node ls: all members that this one knows. */
export async function listNodes(cli: Cli): Promise<void> {
  const { nodes } = await cli.call(methods.listNodes, {});
  const { green, yellow, red } = cli.paint;
  const paints = { alive: green, suspect: yellow, failed: red, left: String };
  const pathPaint = (verdict: PathVerdict = 'unknown'): ((text: string) => string) => {
    if (verdict === 'unknown') return String;
    return verdict === 'ok' ? green : red;
  };
  const columns: Column<NodeState>[] = [
    { title: 'NAME', cell: ({ name, isSelf }) => (isSelf ? `${name}*` : name), shrinks: true },
    { title: 'ADDRESS', cell: ({ address }) => address },
    { title: 'STATE', cell: ({ state }) => state, paint: (text, { state }) => paints[state](text) },
    { title: 'VERSION', cell: ({ version }) => version ?? '' },
    { title: 'SERVICES', cell: ({ services }) => String(services), align: 'right' },
    { title: 'SYNCED', cell: synced },
    {
      title: 'PATH',
      cell: ({ path }) => path?.verdict ?? '',
      paint: (text, { path }) => pathPaint(path?.verdict)(text),
    },
  ];
  cli.answer(nodes, () => cli.table(columns, nodes));
}

/** Whether a node has all services of this one in its kernel. */
function synced({ converged }: NodeState): string {
  if (converged === undefined) return '';
  return converged ? 'yes' : 'no';
}

/** meshctl node forget: its name may have another key from now on. */
export async function forgetNode(cli: Cli, node: string): Promise<void> {
  await cli.call(methods.forgetNode, { node });
  cli.answer({ node, forgotten: true }, () => `${node} may come with another key\n`);
}

/** meshctl node leave. */
export async function leaveMesh(cli: Cli): Promise<void> {
  await cli.call(methods.leaveMesh, {});
  cli.answer({ left: true }, () => 'left the mesh; the daemon joins again when it starts again\n');
}
