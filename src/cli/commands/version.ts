import { methods } from '../../api/index.js';
import type { Cli } from '../cli.js';
import { formatFacts } from '../service-view.js';

/** meshctl version: of both sides, so that a mismatch is seen. */
export async function version(cli: Cli, own: string): Promise<void> {
  const daemon = await cli.call(methods.getVersion, {});
  cli.answer({ meshctl: own, meshd: daemon }, () =>
    formatFacts([
      ['meshctl', own],
      ['meshd', `${daemon.version} (node ${daemon.node}, kernel ${daemon.kernel})`],
    ]),
  );
}
