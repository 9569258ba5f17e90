import { EVENT_ID, getScalarValue, parseEvents, type Event, type ScalarEvent } from 'js-yaml';
import type { Path } from './problem.js';
import { limits } from './tunables.js';

/** The places asked for, as a tree: one pass over the events finds them all. */
interface Wanted {
  readonly children: Map<string | number, Wanted>;
  offset?: number;
}

/**
 * The line (1 is the first) of each path in a YAML or JSON text: that of the key of a mapping's
 * field, of the beginning of a list's entry. A path that is not there has the line of its longest
 * part that is. Undefined when the text cannot be read or the path is empty.
 *
 * Only called when something is wrong: it takes as long as reading the file did.
 */
export function linesOf(text: string, paths: readonly Path[]): (number | undefined)[] {
  let events: Event[];
  try {
    events = parseEvents(text, { maxDepth: limits.depth });
  } catch {
    return paths.map(() => undefined);
  }
  const root: Wanted = { children: new Map() };
  for (const path of paths) plant(root, path);
  find(text, events, root);
  return paths.map((path) => {
    const offset = offsetOf(root, path);
    return offset === undefined ? undefined : lineAt(text, offset);
  });
}

function plant(root: Wanted, path: Path): void {
  let node = root;
  for (const step of path) {
    let next = node.children.get(step);
    if (next === undefined) {
      next = { children: new Map() };
      node.children.set(step, next);
    }
    node = next;
  }
}

function offsetOf(root: Wanted, path: Path): number | undefined {
  let node: Wanted | undefined = root;
  let offset: number | undefined;
  for (const step of path) {
    node = node.children.get(step);
    if (node?.offset === undefined) break;
    offset = node.offset;
  }
  return offset;
}

/** An open collection: what is wanted of it, and where the walk is in it. */
interface Level {
  readonly wanted: Wanted | undefined;
  readonly isMapping: boolean;
  /** Of a list: the entry to come. */
  index: number;
  /** Of a mapping: the next event is a key; else `value` is what is wanted of the value. */
  atKey: boolean;
  value: Wanted | undefined;
}

function find(text: string, events: readonly Event[], root: Wanted): void {
  const levels: Level[] = [];
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      levels.pop();
      continue;
    }
    if (event.type === EVENT_ID.DOCUMENT) {
      levels.push(levelOf(undefined, false));
      continue;
    }
    const top = levels.at(-1)!;
    const wanted = levels.length === 1 ? root : enter(text, event, top);
    if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) {
      levels.push(levelOf(wanted, event.type === EVENT_ID.MAPPING));
    }
  }
}

function levelOf(wanted: Wanted | undefined, isMapping: boolean): Level {
  return { wanted, isMapping, index: 0, atKey: true, value: undefined };
}

/** What is wanted of the node that `event` begins, a child of `level`; notes where it is. */
function enter(text: string, event: Event, level: Level): Wanted | undefined {
  if (!level.isMapping) {
    const wanted = level.wanted?.children.get(level.index++);
    if (wanted !== undefined) wanted.offset = startOf(event);
    return wanted;
  }
  if (!level.atKey) {
    level.atKey = true;
    return level.value;
  }
  level.atKey = false;
  level.value = undefined;
  if (level.wanted !== undefined && event.type === EVENT_ID.SCALAR) {
    level.value = level.wanted.children.get(keyOf(text, event));
    if (level.value !== undefined) level.value.offset = startOf(event);
  }
  return undefined;
}

function keyOf(text: string, event: ScalarEvent): string {
  return getScalarValue(text, event);
}

function startOf(event: Event): number {
  if (event.type === EVENT_ID.SCALAR) return event.valueStart;
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart;
  return 'start' in event ? event.start : 0;
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1))
    line++;
  return line;
}
