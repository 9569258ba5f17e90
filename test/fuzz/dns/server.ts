/** Changed queries to the server, and to what is kept of its answers. */
import { DnsServer, type AnswerKeeper } from '../../../src/dns/index.js';
import { handlersFor, mesh } from '../../unit/dns/mesh.js';
import { attack, insist, type Attack, type Figures } from './attack.js';
import { realQueries } from './messages.js';
import { mutated } from './mutate.js';
import { checkResponse, inOrder } from './response.js';

/** A keeper that answers, as the addon's does. */
export interface Kept extends AnswerKeeper {
  respond(view: number, message: Buffer): Buffer | undefined;
}

/** Rejects when a response, or what `kept` says in its place, is not as it should be. */
export async function attackServer(options: Attack, kept?: Kept): Promise<Figures> {
  const asker = mesh(['front']);
  const view = asker.view().id;
  const dns = new DnsServer(handlersFor([], kept));
  const seeds = realQueries();
  const figures = { responses: 0, byTcp: 0, kept: 0, cut: 0 };
  const checked = (bytes: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined => {
    const response = dns.answer(bytes, asker, transport);
    insist(!(response instanceof Promise), 'somebody else is asked');
    if (response === undefined) {
      insist(bytes.length < 12 || (bytes[2]! & 0x80) !== 0, 'a query without response');
      return undefined;
    }
    checkResponse(bytes, response, transport);
    figures.responses++;
    if ((response[2]! & 0x02) !== 0) figures.cut++;
    return response;
  };
  await attack(
    options,
    (random) => mutated(random, seeds),
    (bytes, number) => {
      const response = checked(bytes, 'udp');
      if (number % 4 === 0 && checked(bytes, 'tcp') !== undefined) figures.byTcp++;
      const said = kept?.respond(view, bytes);
      if (said === undefined) return;
      figures.kept++;
      insist(response !== undefined, 'what is kept is said, and the server says nothing');
      const same = inOrder(said) === inOrder(response);
      insist(same, `kept ${said.toString('hex')}, but the server says ${response.toString('hex')}`);
    },
  );
  return figures;
}
