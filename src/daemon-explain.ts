import type { DaemonNetworks } from './daemon-networks.js';
import { explainTimeoutMs, type ExplainMesh } from './host/index.js';
import { versionOf, type MeshNode } from './mesh/index.js';

/** The nodes of a mesh as those who each know their part of the way of a packet. */
export function explainMesh(node: MeshNode, { overlay }: DaemonNetworks): ExplainMesh {
  const self = node.options.name;
  return {
    self,
    all: () => node.networks.all(),
    sandboxAt: (path) => overlay.sandboxAt(path),
    others: () =>
      node.gossip.members().flatMap(({ node: name, at: { address }, state, meta }) => {
        const isStranger = versionOf(meta) === undefined;
        if (name === self || state === 'left' || isStranger) return [];
        return [{ name, address, isLive: state !== 'dead' }];
      }),
    ask: (name, question) => node.questions.ask(name, 'explain', question, explainTimeoutMs),
  };
}
