import type { LoadOptions, LoadResult, RunningLoad } from '../support/peers.js';
import { tcpPort } from '../support/scene.js';
import { addressOf, balancers, families, type Host } from '../support/topology.js';
import { serviceNames, services, taskNames, type ServiceName, type World } from './world.js';

/** A way to call a service. */
interface Call {
  readonly text: string;
  readonly service: ServiceName;
  readonly from: Host;
  readonly address: string;
  readonly port: number;
  /** The caller is not on the service's network: nobody may answer. */
  readonly isStranger: boolean;
}

/** Every way to call every service, as of now. */
function* callsOf({ attached, vips }: World): Generator<Call> {
  for (const service of serviceNames) {
    const { network, port } = services[service];
    for (const address of vips.get(service)!) {
      for (const from of taskNames) {
        const isStranger = !attached.get(from)!.has(network);
        const text = `${from} calls ${service} at ${address}`;
        yield { text, service, from, address, port: tcpPort, isStranger };
      }
    }
    if (port === undefined) continue;
    for (const node of balancers) {
      for (const family of families) {
        const address = addressOf(node, family);
        const text = `the client calls ${service} at ${address}`;
        yield { text, service, from: 'client', address, port, isStranger: false };
      }
    }
  }
}

/** Calls of a burst: failures are its nature, but nobody may answer who never was a member. */
export class Traffic {
  private readonly running: { readonly call: Call; readonly load: RunningLoad }[] = [];
  private answers = 0;

  constructor(private readonly world: World) {}

  start(): void {
    const options: LoadOptions = { concurrency: 1, pauseMs: 50, timeoutMs: 1_000 };
    const calls = [...callsOf(this.world)].filter(({ isStranger }) => !isStranger);
    for (const [i, call] of calls.entries()) {
      // Of tasks one call in three: enough, and processors are few.
      if (call.from !== 'client' && i % 3 !== 0) continue;
      const load = this.world.scene.peers.keepLoading(call.from, call.address, call.port, options);
      this.running.push({ call, load });
    }
  }

  /** Resolves with who answered but should not have. */
  async stop(): Promise<{ readonly answers: number; readonly strangers: readonly string[] }> {
    const strangers: string[] = [];
    for (const { call, load } of this.running.splice(0)) {
      const { servers, ok } = await load.stop();
      this.answers += ok;
      const allowed = this.world.allowed.get(call.service)!;
      // A task whose own rules are flushed calls itself: VIPs are addresses of its sandbox.
      const itself = this.world.vandalized.has(call.from) ? call.from : undefined;
      const wrong = Object.keys(servers).filter((name) => !allowed.has(name) && name !== itself);
      if (wrong.length > 0) strangers.push(`${call.text}: ${wrong.join()} answered`);
    }
    return { answers: this.answers, strangers };
  }
}

/** Every way to call every service; resolves with what was not as it should be. */
export async function callAll(world: World): Promise<readonly string[]> {
  const wrong: string[] = [];
  const calls = [...callsOf(world)];
  const workers = Array.from({ length: 6 }, async () => {
    for (let call = calls.pop(); call !== undefined; call = calls.pop()) {
      const problem = await callOnce(world, call);
      if (problem !== undefined) wrong.push(problem);
    }
  });
  await Promise.all(workers);
  return wrong.sort();
}

async function callOnce(world: World, call: Call): Promise<string | undefined> {
  const members = call.isStranger ? [] : world.membersOf(call.service);
  const requests = Math.max(1, 2 * members.length);
  // Whoever expects nobody need not wait for long.
  const timeoutMs = members.length === 0 ? 200 : 1_500;
  const options = { requests, concurrency: 1, timeoutMs };
  const result = await world.scene.peers.load(call.from, call.address, call.port, options);
  const answering = Object.keys(result.servers).sort().join();
  if (answering === members.join() && (members.length === 0 || result.failed === 0)) return;
  return `${call.text}: expected [${members.join()}], ${outcome(result)}`;
}

function outcome({ servers, failed, errors }: LoadResult): string {
  return `got [${Object.keys(servers).sort().join()}], ${failed} failed ${JSON.stringify(errors)}`;
}
