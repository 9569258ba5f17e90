import { createSocket } from 'node:dgram';
import { createConnection } from 'node:net';
import { MeshError, messageOf } from '../base/index.js';
import { isResponseTo, isTruncated, type Upstream } from '../dns/index.js';
import { familyOf, formatEndpoint } from '../model/index.js';

/** Another name server, asked by UDP from a port of its own each time, and by TCP if need be. */
export function dnsUpstream(address: string, port: number): Upstream {
  const name = formatEndpoint(address, port);
  const failure = (reason: string, code: 'unavailable' | 'deadline_exceeded'): MeshError =>
    new MeshError(code, `ask ${name}: ${reason}`);
  const at = { address, port, failure };
  return {
    name,
    exchange: async (question, timeoutMs) => {
      const response = await byUdp(at, question, timeoutMs);
      return isTruncated(response) ? await byTcp(at, question, timeoutMs) : response;
    },
  };
}

interface Server {
  readonly address: string;
  readonly port: number;
  readonly failure: (reason: string, code: 'unavailable' | 'deadline_exceeded') => MeshError;
}

/** What is no answer to the question, or not of this server, is not looked at. */
function byUdp({ address, port, failure }: Server, question: Buffer, ms: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: familyOf(address) === 6 ? 'udp6' : 'udp4' });
    const end = (done: () => void): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.close();
      done();
    };
    const timer = setTimeout(() => {
      end(() => reject(failure(`no answer in ${ms / 1_000} s`, 'deadline_exceeded')));
    }, ms);
    socket.on('error', (error) => end(() => reject(failure(messageOf(error), 'unavailable'))));
    socket.on('message', (response) => {
      if (isResponseTo(question, response)) end(() => resolve(response));
    });
    // Connected: the kernel drops what others send, and tells of refusals.
    socket.connect(port, address, () => socket.send(question));
  });
}

function byTcp({ address, port, failure }: Server, question: Buffer, ms: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: address, port });
    let received: Buffer = Buffer.alloc(0);
    // Of the whole, not of each byte.
    const timer = setTimeout(() => {
      reject(failure(`no answer in ${ms / 1_000} s by TCP`, 'deadline_exceeded'));
      socket.destroy();
    }, ms);
    socket.on('error', (error) => reject(failure(messageOf(error), 'unavailable')));
    socket.on('close', () => {
      clearTimeout(timer);
      reject(failure('closed the connection', 'unavailable'));
    });
    socket.on('connect', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(question.length);
      socket.write(Buffer.concat([length, question]));
    });
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const response = received.subarray(2, 2 + received.readUInt16BE(0));
      if (isResponseTo(question, response)) resolve(response);
      socket.destroy();
    });
  });
}
