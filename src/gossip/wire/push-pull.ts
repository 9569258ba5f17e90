import type { DropReason, MemberState, PushPull } from '../messages.js';
import { lasting, peerAddress, versionsOf } from './decode.js';
import { bytesOf, keys, writeVersions } from './encode.js';
import { type Fields, readFields } from './fields.js';
import { limits, typeByte } from './format.js';
import { MsgpackReader, type MsgpackWriter } from './msgpack.js';

/*
 * Type byte, a map that tells how many members and how many bytes of user state follow, a map for
 * each member, the user state.
 */

/** As numbered on the wire. */
const states: readonly MemberState['state'][] = ['alive', 'suspect', 'dead', 'left'];

export function writePushPull(writer: MsgpackWriter, message: PushPull): void {
  writer.byte(typeByte.pushPull);
  writer.map(3);
  writer.append(keys.Join);
  writer.bool(message.join);
  writer.append(keys.Nodes);
  writer.uint(message.members.length);
  writer.append(keys.UserStateLen);
  writer.uint(message.userState.length);
  for (const member of message.members) writeMember(writer, member);
  writer.append(message.userState);
}

function writeMember(writer: MsgpackWriter, member: MemberState): void {
  writer.map(7);
  writer.append(keys.Addr);
  writer.raw(bytesOf(member.at.address));
  writer.append(keys.Incarnation);
  writer.uint(member.incarnation);
  writer.append(keys.Meta);
  writer.raw(member.meta);
  writer.append(keys.Name);
  writer.text(member.node);
  writer.append(keys.Port);
  writer.uint(member.at.port);
  writer.append(keys.State);
  writer.uint(states.indexOf(member.state));
  writeVersions(writer, member.versions);
}

/** `bytes`: the whole message, or more. */
export function decodePushPull(bytes: Buffer): PushPull | DropReason {
  const reader = new MsgpackReader(bytes, 1, bytes.length);
  const header = readFields(bytes, reader);
  const problem = problemOf(header);
  if (problem !== undefined) return problem;
  const members: MemberState[] = [];
  for (let i = 0; i < header.memberCount && reader.problem === undefined; i++) {
    const member = memberOf(readFields(bytes, reader));
    if (member !== undefined) members.push(member);
  }
  if (reader.problem !== undefined) return reader.problem;
  const end = reader.offset + header.userSize;
  if (end > bytes.length) return 'truncated';
  const userState = bytes.subarray(reader.offset, end);
  return { type: 'push-pull', join: header.isJoin, members, userState };
}

/** What is wrong with the announced sizes. */
export function problemOf(header: Fields): DropReason | undefined {
  const isTooLarge = header.memberCount > limits.members || header.userSize > limits.userState;
  return isTooLarge ? 'too-large' : undefined;
}

/** Undefined for what nobody could be: without name or address, or in a state that is not known. */
function memberOf(fields: Fields): MemberState | undefined {
  const { incarnation, node } = fields;
  const at = peerAddress(fields.address, fields.port);
  const state = states[fields.state];
  if (at === undefined || state === undefined || node === '') return undefined;
  const versions = versionsOf(fields.versions);
  const meta = lasting(fields.meta);
  if (versions === undefined) return { node, at, meta, incarnation, state };
  return { node, at, meta, incarnation, state, versions };
}
