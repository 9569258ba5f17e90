import type { Host, Topology } from '../support/topology.js';

/** Of forged frames, to know them by. */
export const sourceMac = '02:00:00:00:00:66';
/** EtherType for experiments (RFC 5342, appendix B): nobody answers it. */
const etherType = [0x88, 0xb5];

/** A VXLAN packet (RFC 7348, section 5) with a frame for `mac` in it. */
export function forgery(vni: number, mac: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = 0x08; // There is a VNI.
  header.writeUIntBE(vni, 4, 3);
  const [to, from] = [mac, sourceMac].map((text) =>
    text.split(':').map((byte) => parseInt(byte, 16)),
  );
  return Buffer.concat([header, Buffer.from([...to!, ...from!, ...etherType]), Buffer.alloc(50)]);
}

/** Sends it as UDP; resolves with the error of the kernel, empty when it took it. */
export async function send(
  topology: Topology,
  host: Host,
  packet: Buffer,
  address: string,
  port: number,
  from = '',
): Promise<string> {
  const type = address.includes(':') ? 'udp6' : 'udp4';
  const program = `
    const socket = require('node:dgram').createSocket('${type}');
    const packet = Buffer.from('${packet.toString('hex')}', 'hex');
    socket.bind(0, '${from}' || undefined, () => socket.send(packet, ${port}, '${address}', (error) => {
      process.stdout.write(error?.code ?? '');
      socket.close();
    }));`;
  const { stdout } = await topology.exec(host, [process.execPath, '-e', program]);
  return stdout;
}
