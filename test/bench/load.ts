import { run } from './command.js';
import { within } from './netns.js';
import { client } from './topology.js';

/** wrk's option that makes a connection for each request. */
export const newConnections = ['-H', 'Connection: close'];

export interface WrkFigures {
  /** Unit: requests per second. */
  readonly rate: number;
  /** Only with `--latency`. Unit: microseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** One thread and 16 connections unless told. Throws when some got no answer: then it means nothing. */
export async function wrk(url: string, options: readonly string[]): Promise<WrkFigures> {
  const argv = ['wrk', '-t1', '-c16', '--timeout', '5s', ...options, url];
  const { stdout } = await run(within(client, argv));
  const rate = Number(/Requests\/sec:\s+([0-9.]+)/.exec(stdout)?.[1]);
  if (!(rate > 0) || stdout.includes('Socket errors') || stdout.includes('Non-2xx')) {
    throw new Error(`${argv.join(' ')}: ${stdout}`);
  }
  return { rate, p50: percentileUs(stdout, 50), p99: percentileUs(stdout, 99) };
}

const unitUs: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6 };

/** A line of wrk's latency distribution: `     99%    1.20ms`. */
function percentileUs(text: string, percent: number): number {
  const [, value, unit] = new RegExp(`^ +${percent}% +([0-9.]+)(us|ms|s)$`, 'm').exec(text) ?? [];
  return Number(value) * unitUs[unit ?? 'us']!;
}

/** Where iperf3 is called, and from which namespace. */
export interface IperfTarget {
  readonly from: string;
  readonly address: string;
  readonly port: number;
}

/** Of `iperf3 --json`: `end`. */
interface IperfEnd {
  readonly sum_received: { readonly bits_per_second: number };
  readonly sum: {
    readonly packets: number;
    readonly lost_packets: number;
    readonly seconds: number;
  };
}

/** One stream of TCP, as the receiver has it. Unit: Mbit/s. */
export async function tcpRate(target: IperfTarget, seconds: number): Promise<number> {
  const { sum_received } = await iperf(target, ['-t', String(seconds)]);
  return sum_received.bits_per_second / 1e6;
}

/** Datagrams of 64 bytes that arrive while as many as can be are sent. Unit: datagrams per second. */
export async function udpRate(target: IperfTarget, seconds: number): Promise<number> {
  const { sum } = await iperf(target, ['-u', '-b', '0', '-l', '64', '-t', String(seconds)]);
  return (sum.packets - sum.lost_packets) / sum.seconds;
}

async function iperf(
  { from, address, port }: IperfTarget,
  options: readonly string[],
): Promise<IperfEnd> {
  const argv = ['iperf3', '--json', '-c', address, '-p', String(port), ...options];
  const { stdout } = await run(within(from, argv));
  return (JSON.parse(stdout) as { end: IperfEnd }).end;
}
