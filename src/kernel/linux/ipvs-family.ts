import { KernelError, errno } from '../errors.js';
import { familyName, genlHeaderBytes } from './ipvs-attributes.js';
import { MessageWriter, attributesOf, flag } from './message.js';
import type { NetlinkSession } from './session.js';

/** linux/genetlink.h: the controller, and its attributes. */
const controller = { id: 16, version: 2, getFamily: 3 } as const;
const controllerAttribute = { familyId: 1, familyName: 2 } as const;

/**
 * The number of the generic netlink family IPVS. Asking makes the kernel load ip_vs, whose module
 * alias is net-pf-16-proto-16-family-IPVS.
 * Errors: KernelError EOPNOTSUPP (failed_precondition) when there is no such module.
 */
export async function findIpvsFamily(session: NetlinkSession): Promise<number> {
  const request = new MessageWriter(64);
  encodeGetFamily(request, session.nextSequence());
  try {
    const [reply] = await session.dump('look up IPVS', request.bytes());
    const id = reply && attributesOf(reply.body, genlHeaderBytes).get(controllerAttribute.familyId);
    if (id !== undefined && id.length >= 2) return id.readUInt16LE();
  } catch (error) {
    if (!(error instanceof KernelError && error.errno === errno.ENOENT)) throw error;
  }
  throw new KernelError('this kernel has no IPVS', errno.EOPNOTSUPP, 'no module ip_vs');
}

export function encodeGetFamily(writer: MessageWriter, sequence: number): void {
  writer.begin(controller.id, flag.request, sequence);
  writer.u32(controller.getFamily | (controller.version << 8));
  writer.attributeString(controllerAttribute.familyName, familyName);
  writer.end();
}
