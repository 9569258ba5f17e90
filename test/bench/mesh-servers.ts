import { startUntil } from './command.js';
import { peer } from './lab.js';
import { atEnd } from './mesh-hosts.js';

/** Ports of a task: HTTP by peer/http_server.c, and iperf3. */
export const httpPort = 8080;
export const iperfPort = 5201;

/** Both servers, started by `enter`, which puts a command into the task's namespace. */
export async function serveTask(
  enter: (argv: readonly string[]) => string[],
  which: readonly ('http' | 'iperf')[] = ['http', 'iperf'],
): Promise<void> {
  const http = [peer('http_server'), '0.0.0.0', String(httpPort), '1'];
  const iperf = ['iperf3', '--server', '--forceflush', '-p', String(iperfPort)];
  if (which.includes('http')) atEnd(await startUntil(enter(http), 'ready'));
  if (which.includes('iperf')) atEnd(await startUntil(enter(iperf), 'listening'));
}
