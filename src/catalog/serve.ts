import { rowSize, sectionBytes } from './codec.js';
import type { Core } from './core.js';
import type { Pull, PullStream, RowFields, Section } from './messages.js';
import { headFields, rowFields } from './news.js';
import type { Stream } from './stream.js';

/**
 * One chunk of what a peer asks for; the peer asks on from where it ends, so that nothing need be
 * remembered here. A stream that does not fit any more is left out.
 */
export function answerTo(core: Core, pull: Pull): Section[] {
  const sections: Section[] = [];
  let left = core.tunables.chunkBytes;
  for (const asked of pull.streams.slice(0, core.tunables.pullStreams)) {
    left -= sectionBytes(asked);
    if (left <= 0) break;
    const isOwn = asked.owner === pull.from;
    const section = isOwn ? lastWord(core, asked.owner) : sectionFor(core, asked, left);
    if (section === undefined) continue;
    sections.push(section);
    left -= section.rows.reduce((sum, row) => sum + rowSize(row), 0);
  }
  return sections;
}

function sectionFor(core: Core, asked: PullStream, bytesMax: number): Section | undefined {
  const owner = core.owners.get(asked.owner);
  if (owner === undefined) return undefined;
  const stream = owner.streams.get(asked.network);
  const place = { owner: owner.name, publicKey: owner.publicKey, network: asked.network };
  const head = stream?.epoch === owner.epoch ? stream.head : undefined;
  const hasMore =
    head !== undefined &&
    (head.epoch > asked.epoch || (head.epoch === asked.epoch && head.version > asked.above));
  if (stream === undefined || !hasMore) {
    return { ...place, epoch: owner.epoch, base: 0, last: true, rows: [] };
  }
  // Below the floor ends are unknown: only all of it tells what has ended.
  const isDelta = head.epoch === asked.epoch && asked.above >= head.floor;
  const base = isDelta ? asked.above : 0;
  const { rows, last } = rowsAfter(stream, Math.max(base, asked.after), bytesMax);
  return { ...place, epoch: head.epoch, base, last, head: headFields(head), rows };
}

/** To an owner that asks for itself: how far it was, by its own signature. */
function lastWord({ owners }: Core, name: string): Section | undefined {
  const owner = owners.get(name);
  const head = owner?.proof ?? owners.grave(name)?.head;
  const publicKey = owner?.publicKey ?? owners.grave(name)?.publicKey;
  if (head === undefined || publicKey === undefined) return undefined;
  const { network, epoch } = head;
  const end = { base: 0, last: true, head: headFields(head), rows: [] };
  return { owner: name, publicKey, network, epoch, ...end };
}

/** Rows above `version`, the earliest first: at least one, then as many as fit. */
function rowsAfter(
  stream: Stream,
  version: number,
  bytesMax: number,
): { readonly rows: RowFields[]; readonly last: boolean } {
  const later = [...stream.rows.values()]
    .filter((row) => row.epoch === stream.epoch && row.version > version)
    .sort((a, b) => a.version - b.version);
  let bytes = 0;
  let count = 0;
  for (const row of later) {
    bytes += rowSize(row);
    if (bytes > bytesMax && count > 0) break;
    count++;
  }
  return { rows: later.slice(0, count).map(rowFields), last: count === later.length };
}
