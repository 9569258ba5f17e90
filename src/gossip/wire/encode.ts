import { assert } from '../../base/index.js';
import { addressBytes } from '../../model/index.js';
import type {
  Alive,
  Dead,
  IndirectPing,
  PacketMessage,
  PeerAddress,
  Ping,
  Suspect,
  Versions,
} from '../messages.js';
import { typeByte } from './format.js';
import { MsgpackWriter } from './msgpack.js';

/** A key of a map, as it is written. */
function key(name: string): Buffer {
  return Buffer.from([0xa0 | name.length, ...Buffer.from(name)]);
}

export const keys = {
  Addr: key('Addr'),
  Algo: key('Algo'),
  Buf: key('Buf'),
  Error: key('Error'),
  From: key('From'),
  Incarnation: key('Incarnation'),
  Join: key('Join'),
  Meta: key('Meta'),
  Nack: key('Nack'),
  Name: key('Name'),
  Node: key('Node'),
  Nodes: key('Nodes'),
  Payload: key('Payload'),
  Port: key('Port'),
  SeqNo: key('SeqNo'),
  SourceAddr: key('SourceAddr'),
  SourceNode: key('SourceNode'),
  SourcePort: key('SourcePort'),
  State: key('State'),
  Target: key('Target'),
  UserMsgLen: key('UserMsgLen'),
  UserStateLen: key('UserStateLen'),
  Vsn: key('Vsn'),
} as const;

/** A message as UDP carries it, its type byte included. */
export function encodeMessage(message: PacketMessage): Buffer {
  const writer = new MsgpackWriter(128);
  switch (message.type) {
    case 'ping':
      writePing(writer, message);
      break;
    case 'indirect-ping':
      writeIndirectPing(writer, message);
      break;
    case 'ack':
      writeAck(writer, message.sequence, message.payload);
      break;
    case 'nack':
      writer.byte(typeByte.nack);
      writer.map(1);
      writer.append(keys.SeqNo);
      writer.uint(message.sequence);
      break;
    case 'suspect':
      writeAccusation(writer, typeByte.suspect, message);
      break;
    case 'dead':
      writeAccusation(writer, typeByte.dead, message);
      break;
    case 'alive':
      writeAlive(writer, message);
      break;
    case 'user':
      writer.byte(typeByte.user);
      writer.append(message.payload);
      break;
  }
  return writer.finish();
}

export function writePing(writer: MsgpackWriter, { sequence, node, source }: Ping): void {
  writer.byte(typeByte.ping);
  writer.map(2 + sourceEntries(source));
  writer.append(keys.Node);
  writer.text(node);
  writer.append(keys.SeqNo);
  writer.uint(sequence);
  if (source !== undefined) writeSource(writer, source);
}

function writeIndirectPing(writer: MsgpackWriter, message: IndirectPing): void {
  const { source, target } = message;
  writer.byte(typeByte.indirectPing);
  writer.map(5 + sourceEntries(source));
  writer.append(keys.Nack);
  writer.bool(message.nack);
  writer.append(keys.Node);
  writer.text(message.node);
  writer.append(keys.Port);
  writer.uint(target.port);
  writer.append(keys.SeqNo);
  writer.uint(message.sequence);
  if (source !== undefined) writeSource(writer, source);
  writer.append(keys.Target);
  writer.raw(bytesOf(target.address));
}

/** Peers leave out what is empty here, unlike elsewhere. */
function sourceEntries(source: Ping['source']): number {
  if (source === undefined) return 0;
  return source.node === '' ? 2 : 3;
}

function writeSource(writer: MsgpackWriter, source: PeerAddress & { node: string }): void {
  writer.append(keys.SourceAddr);
  writer.raw(bytesOf(source.address));
  if (source.node !== '') {
    writer.append(keys.SourceNode);
    writer.text(source.node);
  }
  writer.append(keys.SourcePort);
  writer.uint(source.port);
}

export function writeAck(writer: MsgpackWriter, sequence: number, payload: Uint8Array): void {
  writer.byte(typeByte.ack);
  writer.map(2);
  writer.append(keys.Payload);
  if (payload.length === 0) writer.nil();
  else writer.raw(payload);
  writer.append(keys.SeqNo);
  writer.uint(sequence);
}

function writeAccusation(writer: MsgpackWriter, type: number, message: Suspect | Dead): void {
  writer.byte(type);
  writer.map(3);
  writer.append(keys.From);
  writer.text(message.from);
  writer.append(keys.Incarnation);
  writer.uint(message.incarnation);
  writer.append(keys.Node);
  writer.text(message.node);
}

function writeAlive(writer: MsgpackWriter, message: Alive): void {
  writer.byte(typeByte.alive);
  writer.map(6);
  writer.append(keys.Addr);
  writer.raw(bytesOf(message.at.address));
  writer.append(keys.Incarnation);
  writer.uint(message.incarnation);
  writer.append(keys.Meta);
  writer.raw(message.meta);
  writer.append(keys.Node);
  writer.text(message.node);
  writer.append(keys.Port);
  writer.uint(message.at.port);
  writeVersions(writer, message.versions);
}

export function writeVersions(writer: MsgpackWriter, versions: Versions | undefined): void {
  writer.append(keys.Vsn);
  if (versions === undefined) {
    writer.nil();
    return;
  }
  writer.byte(0xa6);
  writer.byte(versions.protocolMin);
  writer.byte(versions.protocolMax);
  writer.byte(versions.protocol);
  writer.byte(versions.delegateMin);
  writer.byte(versions.delegateMax);
  writer.byte(versions.delegate);
}

/** Addresses above the codecs are canonical; a text that is none is our own mistake. */
export function bytesOf(address: string): Uint8Array {
  const bytes = addressBytes(address);
  assert(bytes !== undefined, `encode a message: ${address} is no address`);
  return bytes;
}
