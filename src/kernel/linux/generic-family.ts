/**
 * Families of generic netlink (linux/genetlink.h), numbered as the kernel registers them.
 *
 * Request: [netlink header | genl header: command u8, version u8, 0 u16 | attributes]
 */
import { KernelError, errno } from '../errors.js';
import { MessageWriter, attributesOf, flag } from './message.js';
import type { NetlinkSession } from './session.js';

export const genlHeaderBytes = 4;

/** The controller, and its attributes. */
const controller = { id: 16, version: 2, getFamily: 3 } as const;
const controllerAttribute = { familyId: 1, familyName: 2 } as const;

/** A family of which the kernel may have no module. */
export interface GenericFamily {
  /** For the kernel. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly module: string;
}

/**
 * The number of a family. Asking makes the kernel load its module, whose alias is
 * net-pf-16-proto-16-family-NAME.
 * Errors: KernelError EOPNOTSUPP (failed_precondition) when there is no such module.
 */
export async function findFamily(session: NetlinkSession, family: GenericFamily): Promise<number> {
  const { name, title, module } = family;
  const request = new MessageWriter(64);
  encodeGetFamily(request, session.nextSequence(), name);
  try {
    const [reply] = await session.dump(`look up ${title}`, request.bytes());
    const id = reply && attributesOf(reply.body, genlHeaderBytes).get(controllerAttribute.familyId);
    if (id !== undefined && id.length >= 2) return id.readUInt16LE();
  } catch (error) {
    if (!(error instanceof KernelError && error.errno === errno.ENOENT)) throw error;
  }
  const action = `this kernel has no ${title}`;
  throw new KernelError(action, errno.EOPNOTSUPP, `no module ${module}`);
}

export function encodeGetFamily(writer: MessageWriter, sequence: number, name: string): void {
  writer.begin(controller.id, flag.request, sequence);
  writer.u32(controller.getFamily | (controller.version << 8));
  writer.attributeString(controllerAttribute.familyName, name);
  writer.end();
}
