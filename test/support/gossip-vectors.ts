import type { PacketMessage, StreamMessage, Versions } from '../../src/gossip/index.js';
import { Keyring, wireOptions, type WireOptions } from '../../src/gossip/index.js';
import entries from '../unit/gossip/vectors/memberlist.json' with { type: 'json' };

/*
 * Traffic that was captured between members of several versions of memberlist and serf, with what
 * their own decoders made of it.
 */

/** A message as the capture tells it: fields by their names on the wire, bytes as `hex:...`. */
interface Told {
  readonly type: string;
  readonly body?: Body;
  readonly msg?: Told;
  readonly parts?: readonly { readonly msg: Told }[];
  readonly payloadHex?: string;
  readonly header?: { readonly Join?: boolean };
  readonly nodes?: readonly Body[];
  readonly userStateHex?: string;
}

interface Body {
  readonly [field: string]: string | number | boolean | readonly number[] | null | undefined;
}

export interface Vector {
  readonly name: string;
  readonly isStream: boolean;
  readonly side: 'request' | 'reply';
  readonly bytes: Buffer;
  readonly layers: readonly string[];
  /** Wrapped as its sender did, the nonce included. */
  readonly options: WireOptions;
  readonly messages: readonly (PacketMessage | StreamMessage)[];
  /** The sender wrote nil for an empty meta, or sizes as signed numbers; we never do. */
  readonly isOfAnotherCodec: boolean;
}

export const vectors: readonly Vector[] = entries.map((entry) => {
  const decoded = entry.decoded as unknown as {
    readonly layers: readonly string[];
    readonly enc?: { readonly version: 0 | 1; readonly nonce: string };
    readonly msg: Told;
  };
  const { layers, enc } = decoded;
  const nonce = Buffer.from(enc?.nonce ?? '', 'hex');
  const text = JSON.stringify(decoded.msg);
  return {
    name: entry.name,
    isStream: entry.transport === 'tcp',
    side: entry.direction.startsWith('server') ? 'reply' : 'request',
    bytes: Buffer.from(entry.hex, 'hex'),
    layers,
    options: wireOptions({
      label: entry.label ?? '',
      ...(entry.keyBase64 === null
        ? {}
        : { keyring: new Keyring(Buffer.from(entry.keyBase64, 'base64')) }),
      compress: layers.includes('compress'),
      sealVersion: enc?.version ?? 1,
      nonce: () => nonce,
    }),
    messages: messagesOf(decoded.msg),
    isOfAnotherCodec: text.includes('["Meta","nil"]') || text.includes('"int16"'),
  };
});

function messagesOf(told: Told): (PacketMessage | StreamMessage)[] {
  if (told.parts !== undefined) return told.parts.flatMap(({ msg }) => messagesOf(msg));
  return told.msg === undefined ? [messageOf(told)] : messagesOf(told.msg);
}

function messageOf(told: Told): PacketMessage | StreamMessage {
  const body = told.body ?? {};
  const sequence = body['SeqNo'] as number;
  const node = body['Node'] as string;
  const incarnation = body['Incarnation'] as number;
  switch (told.type) {
    case 'ping':
      return { type: 'ping', sequence, node, ...sourceOf(body) };
    case 'indirectPing': {
      const target = { address: body['Target'] as string, port: body['Port'] as number };
      const nack = body['Nack'] as boolean;
      return { type: 'indirect-ping', sequence, node, target, nack, ...sourceOf(body) };
    }
    case 'ack':
      return { type: 'ack', sequence, payload: bytesOf(body['Payload']) };
    case 'nack':
      return { type: 'nack', sequence };
    case 'suspect':
    case 'dead':
      return { type: told.type, incarnation, node, from: body['From'] as string };
    case 'alive':
      return { type: 'alive', node, ...memberOf(body) };
    case 'user':
      return { type: 'user', payload: Buffer.from(told.payloadHex!, 'hex') };
    case 'err':
      return { type: 'error', text: body['Error'] as string };
    case 'pushPull':
      return {
        type: 'push-pull',
        join: told.header!.Join!,
        members: told.nodes!.map((member) => ({
          node: member['Name'] as string,
          state: (['alive', 'suspect', 'dead', 'left'] as const)[member['State'] as number]!,
          ...memberOf(member),
        })),
        userState: Buffer.from(told.userStateHex!, 'hex'),
      };
    default:
      throw new Error(`a message of type ${told.type}`);
  }
}

function memberOf(body: Body) {
  const [protocolMin, protocolMax, protocol, delegateMin, delegateMax, delegate] = body[
    'Vsn'
  ] as number[];
  const versions = { protocolMin, protocolMax, protocol, delegateMin, delegateMax, delegate };
  return {
    incarnation: body['Incarnation'] as number,
    at: { address: body['Addr'] as string, port: body['Port'] as number },
    meta: bytesOf(body['Meta']),
    versions: versions as Versions,
  };
}

function sourceOf(body: Body) {
  if (body['SourceAddr'] === undefined) return {};
  const address = body['SourceAddr'] as string;
  const port = body['SourcePort'] as number;
  return { source: { address, port, node: body['SourceNode'] as string } };
}

function bytesOf(told: Body[string]): Buffer {
  return Buffer.from(((told ?? 'hex:') as string).slice('hex:'.length), 'hex');
}
