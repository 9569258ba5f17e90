/*
 * What members tell of themselves: serf's tags, so that serf, consul and their like can show ours
 * and we theirs. A byte 0xff, then a map of short texts in msgpack, each of up to 31 bytes.
 */
const tagsMark = 0xff;
const role = 'meshd';

/** `version`: of the daemon. */
export function encodeMeta(version: string): Uint8Array {
  const tags = { role, version: version.slice(0, 31) };
  const parts = Object.entries(tags).flatMap(([key, value]) => [rawText(key), rawText(value)]);
  return Buffer.concat([Buffer.from([tagsMark, 0x80 | Object.keys(tags).length]), ...parts]);
}

/** The version of a member that is one of ours; undefined for others. */
export function versionOf(meta: Uint8Array): string | undefined {
  const bytes = Buffer.from(meta);
  const start = Buffer.concat([Buffer.from([tagsMark, 0x82]), rawText('role'), rawText(role)]);
  if (!bytes.subarray(0, start.length).equals(start)) return undefined;
  const key = rawText('version');
  const at = start.length + key.length;
  if (!bytes.subarray(start.length, at).equals(key)) return undefined;
  const length = (bytes[at] ?? 0) & 0x1f;
  return bytes.subarray(at + 1, at + 1 + length).toString();
}

function rawText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([0xa0 | bytes.length]), bytes]);
}
