import { familyOf, parseAddress, type Protocol } from '../model/index.js';
import { UsageError } from './errors.js';

/*
 * Reading what stands on the command line. Errors: UsageError.
 */

/** `30s`, `5m`, `1h`, `500ms`, or a bare number of seconds. */
export function readDurationMs(name: string, text: string): number {
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h)?$/.exec(text);
  if (match === null) {
    throw new UsageError(`${name}: expected a duration such as 30s or 5m, got ${quote(text)}`);
  }
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] ?? 's']!;
  return Math.round(Number(match[1]) * unit);
}

export function readCount(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new UsageError(`${name}: expected a number ${min}-${max}, got ${quote(text)}`);
  };
}

export function readAddress(name: string, text: string): string {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new UsageError(`${name}: expected an address such as 10.0.0.1, got ${quote(text)}`);
}

/** `web` (weight 1), `web=3`: weights by name. */
export function readWeights(name: string, texts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    texts.map((text) => {
      const match = /^([^=]+)(?:=([0-9]{1,5}))?$/.exec(text);
      if (match === null) {
        throw new UsageError(`${name}: expected NAME or NAME=WEIGHT, got ${quote(text)}`);
      }
      return [match[1]!, Number(match[2] ?? 1)];
    }),
  );
}

export interface Listener {
  /** An address or the name of a service. */
  readonly host: string;
  readonly port: number;
  readonly protocol: Protocol;
}

/** `10.96.0.1:80`, `[fd00::1]:80/udp`, `web:443/tcp`. */
export function readListener(name: string, text: string): Listener {
  const match = /^(?:\[([^\]]+)\]|([^:/[\]]+)):([0-9]{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new UsageError(
      `${name}: expected ADDRESS:PORT[/PROTOCOL] such as 10.96.0.1:80/tcp, got ${quote(text)}`,
    );
  }
  const host = match[1] === undefined ? match[2]! : readAddress(name, match[1]);
  return { host, port, protocol: (match[4] ?? 'tcp') as Protocol };
}

/** The VIP that a client with this address would use. */
export function vipFor(source: string, vips: readonly string[]): string | undefined {
  return vips.find((vip) => familyOf(vip) === familyOf(source));
}

function quote(text: string): string {
  return JSON.stringify(text);
}
