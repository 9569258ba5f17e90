import { formatAddress, parseAddress } from '../../model/index.js';
import type { Connection, ConnectionQuery } from '../port.js';

/** The IPVS connection table of the namespace of the thread that reads it. */
export const connectionsPath = '/proc/thread-self/net/ip_vs_conn';

const newline = 10;
const protocols = new Map<string, Connection['protocol']>([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
  ['IP', 'ip'],
]);

/**
 * Connections of /proc/net/ip_vs_conn, line by line until the limit is met. A line of it
 * (net/netfilter/ipvs/ip_vs_conn.c), all numbers but the last in hexadecimal:
 *
 *     TCP 0A000063 C350 0A600001 0050 0A00000A 1F90 ESTABLISHED     899
 *     TCP fd00:0000:...:0063 C350 fd00:...:0001 0050 fd00:...:000a 1F90 ESTABLISHED     899
 *
 * Lines of other protocols (AH, ESP) and malformed ones are left out.
 */
export function parseConnections(table: Buffer, query: ConnectionQuery): Connection[] {
  const found: Connection[] = [];
  for (let start = 0; start < table.length && found.length < query.limit;) {
    const newlineAt = table.indexOf(newline, start);
    const end = newlineAt === -1 ? table.length : newlineAt;
    const connection = parseLine(table.toString('latin1', start, end));
    if (connection !== undefined && (query.filter?.(connection) ?? true)) found.push(connection);
    start = end + 1;
  }
  return found;
}

function parseLine(line: string): Connection | undefined {
  const words = line.split(' ').filter((word) => word !== '');
  if (words.length < 9) return undefined;
  const protocol = protocols.get(words[0]!);
  const client = addressOf(words[1]!);
  const virtual = addressOf(words[3]!);
  const destination = addressOf(words[5]!);
  const expiresS = Number(words[8]);
  const [clientPort, virtualPort, destinationPort] = [2, 4, 6].map((i) => portOf(words[i]!));
  if (protocol === undefined || !Number.isSafeInteger(expiresS)) return undefined;
  if (client === undefined || virtual === undefined || destination === undefined) return undefined;
  if (clientPort === undefined || virtualPort === undefined || destinationPort === undefined) {
    return undefined;
  }
  const state = words[7]!;
  return {
    protocol,
    client,
    clientPort,
    virtual,
    virtualPort,
    destination,
    destinationPort,
    state,
    expiresS,
  };
}

function addressOf(word: string): string | undefined {
  if (word.includes(':')) return parseAddress(word);
  return /^[0-9A-F]{8}$/.test(word) ? formatAddress(Buffer.from(word, 'hex')) : undefined;
}

function portOf(word: string): number | undefined {
  return /^[0-9A-F]{4}$/.test(word) ? parseInt(word, 16) : undefined;
}
