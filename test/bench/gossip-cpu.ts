import { createCipheriv, createDecipheriv } from 'node:crypto';
import { Catalog, Ed25519Proofs, FirstSightTrust } from '../../src/catalog/index.js';
import {
  encodeMessage,
  Keyring,
  openPacket,
  profiles,
  sealPacket,
  Swim,
  wireOptions,
} from '../../src/gossip/index.js';
import { unwrapUserMessage, wrapUserMessage } from '../../src/mesh/user-message.js';
import { seededRandom } from '../sim/random.js';
import { memberOf } from '../sim/settled-nodes.js';
import { emit } from './figure.js';

const messageBytes = 300;
const packets = 4_000;
/** The catalog's budget for signatures of rows that nobody asked for: 2,000 a second. */
const msPerPacket = 2;
/** Turns come after some 5 ms, whatever came in between. */
const packetsPerTurn = 8;
const secret = Buffer.alloc(32, 1);
const at = { address: '10.0.0.1', port: 7946 };
const wire = wireOptions({ keyring: new Keyring(secret) });

/** What a received message costs, against what decrypting alone costs. */
export function measureCpu(): void {
  const bare = bareUs();
  const news = newsPackets();
  new Receiver().receive(news); // Compiled by now.
  const receiver = new Receiver();
  const fresh = cpuUs(() => receiver.receive(news));
  if (receiver.rows !== 1) throw new Error(`cpu: ${receiver.rows} rows arrived`);
  const again = cpuUs(() => receiver.receive(news));
  const signatures = 2 * checkUs();
  for (const [figure, us, phases] of [
    ['news heard before', again, {}],
    ['new row', fresh, { phases: { signatures, aes: bare, rest: fresh - signatures - bare } }],
  ] as const) {
    emit({
      bench: 'gossip',
      case: 'cpu',
      figure,
      value: us,
      unit: 'us',
      peer: 'AES-256-GCM alone',
      peerValue: bare,
      ...phases,
      perSecond: Math.round(1e6 / us),
      peerPerSecond: Math.round(1e6 / bare),
      packetBytes: news[0]!.length,
      rounds: packets,
    });
  }
}

/** A member and its catalog, as far as packets are concerned. */
class Receiver {
  private nowMs = 0;
  private readonly random = seededRandom(1);
  private readonly swim: Swim;
  private readonly catalog: Catalog;

  constructor() {
    const packetBytes = 1_360;
    const { random } = this;
    const known = [memberOf('owner', at)];
    const self = { name: 'receiver', at: { ...at, address: '10.0.0.2' } };
    const options = { ...self, random, known, packetBytes, profile: profiles.lan };
    this.swim = new Swim({ ...options, encode: encodeMessage }, 0);
    this.catalog = new Catalog({
      name: 'receiver',
      proofs: new Ed25519Proofs(Buffer.alloc(32, 2)),
      trust: new FirstSightTrust(),
      random,
      now: 0,
    });
    this.catalog.memberChanged('owner', 'up', 0);
  }

  get rows(): number {
    return [...this.catalog.view()].length;
  }

  receive(news: readonly Buffer[]): void {
    for (const [index, packet] of news.entries()) {
      this.nowMs += msPerPacket;
      const messages = openPacket(packet, wire);
      if (typeof messages === 'string') throw new Error(messages);
      for (const message of messages) {
        this.swim.step({ kind: 'packet', from: at, message }, this.nowMs);
      }
      this.events();
      if (index % packetsPerTurn === 0) this.turn();
    }
  }

  private events(): void {
    for (const effect of this.swim.ready()) {
      if (effect.kind !== 'event' || effect.event.kind !== 'user') continue;
      const message = unwrapUserMessage(effect.event.payload);
      if (message !== undefined) this.catalog.receive(message.payload, undefined, this.nowMs);
    }
  }

  private turn(): void {
    this.catalog.tick(this.nowMs);
    for (const effect of this.catalog.ready()) {
      if (effect.kind !== 'broadcast') continue;
      const message = wrapUserMessage('catalog', effect.payload);
      this.swim.broadcast(effect.name, message, this.nowMs);
    }
    this.swim.tick(this.nowMs);
    this.swim.ready();
  }
}

/** Each with another version of one row. */
function newsPackets(): Buffer[] {
  const catalog = new Catalog({
    name: 'owner',
    proofs: new Ed25519Proofs(secret),
    trust: new FirstSightTrust(),
    random: seededRandom(2),
    now: 0,
  });
  const news: Buffer[] = [];
  for (let number = 0; number < packets; number++) {
    catalog.put('service/web', Buffer.from(`${number}`));
    catalog.tick(number);
    for (const effect of catalog.ready()) {
      if (effect.kind !== 'broadcast') continue;
      const payload = wrapUserMessage('catalog', effect.payload);
      news.push(sealPacket([encodeMessage({ type: 'user', payload })], wire, true));
    }
  }
  return news;
}

function bareUs(): number {
  const nonce = Buffer.alloc(12, 1);
  const cipher = createCipheriv('aes-256-gcm', secret, nonce);
  const sealed = Buffer.concat([cipher.update(Buffer.alloc(messageBytes)), cipher.final()]);
  const tag = cipher.getAuthTag();
  return cpuUs(() => {
    for (let round = 0; round < packets; round++) {
      const decipher = createDecipheriv('aes-256-gcm', secret, nonce);
      decipher.setAuthTag(tag);
      decipher.update(sealed);
      decipher.final();
    }
  });
}

function checkUs(): number {
  const proofs = new Ed25519Proofs(secret);
  const bytes = Buffer.alloc(100);
  const signature = proofs.sign(bytes);
  return cpuUs(() => {
    for (let round = 0; round < packets; round++) proofs.verify(proofs.publicKey, bytes, signature);
  });
}

/** Of `packets` rounds of something, per round. */
function cpuUs(run: () => void): number {
  const startedAt = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(startedAt);
  return (user + system) / packets;
}
