/** What is answered to a question, and by whom, in words: for people who wonder about it. */
import { FieldError } from '../base/index.js';
import { ask, type Asker, type HandlerName, type Handlers, type Told } from './chain.js';
import { encodeQuery, readAnswers, readQuery, type FoundBy } from './message.js';
import {
  expandName,
  formatCode,
  formatData,
  formatName,
  formatType,
  parseType,
  typeChoices,
} from './presentation.js';
import { responseCode } from './record.js';

/** As in a zone file. */
export interface TextRecord {
  /** With the final dot. */
  readonly name: string;
  readonly ttlS: number;
  /** `A`, `AAAA` ...; `TYPE123` without a name. */
  readonly type: string;
  readonly data: string;
}

export interface Finding {
  /** `NOERROR`, `NXDOMAIN` ... */
  readonly code: string;
  readonly by: HandlerName;
  readonly found?: FoundBy;
  /** Why it is no answer. */
  readonly reason?: string;
  readonly records: readonly TextRecord[];
}

/** The query that asks for it. Errors: FieldError (`name`, `type`). */
export function readInquiry(name: string, type: string): Buffer {
  const number = parseType(type);
  if (number === undefined) {
    throw new FieldError('type', `expected ${typeChoices}, got ${quote(type)}`);
  }
  const bare = name === '.' ? '' : name.replace(/\.$/, '');
  const isPlain = /^[!-~]*$/.test(bare) && name !== '';
  const query = isPlain ? encodeQuery(bare, number) : undefined;
  if (query !== undefined) return query;
  const wanted =
    'a domain name: labels of 1 to 63 ASCII characters between dots, at most 253 in all';
  throw new FieldError('name', `expected ${wanted}, got ${quote(name)}`);
}

/**
 * Asks as programs do, other servers included, but so that nothing comes of it here: no count, no line
 * in the query log, no answer kept beside the sockets.
 */
export class Inquirer {
  private readonly handlers: Handlers;

  constructor(handlers: Handlers) {
    this.handlers = { ...handlers, metrics: pass, cache: pass };
  }

  /** `query`: of `readInquiry`. */
  async ask(query: Buffer, asker: Asker): Promise<Finding> {
    return findingOf(query, await ask(this.handlers, readQuery(query)!, asker));
  }

  /** Only of names below the domain, which wait for nobody. */
  records(query: Buffer, asker: Asker): readonly TextRecord[] {
    const told = ask(this.handlers, readQuery(query)!, asker);
    return told instanceof Promise ? [] : findingOf(query, told).records;
  }
}

const pass: Handlers['cache'] = (query, _, next) => next(query);

function findingOf(query: Buffer, { answer, by, reason }: Told): Finding {
  const { code, found, relayed } = answer;
  return {
    code: formatCode(code),
    by,
    ...(found === undefined ? {} : { found }),
    ...(reason === undefined ? {} : { reason }),
    records: relayed === undefined ? ownRecords(query, answer) : relayedRecords(relayed),
  };
}

function ownRecords(query: Buffer, { answers, code }: Told['answer']): TextRecord[] {
  if (code !== responseCode.ok) return [];
  const asked = expandName(query, questionStart)!.name;
  return answers.map(({ owner, type, ttlS, data }) => {
    const name = owner === undefined ? asked : formatName(owner.split('.'));
    return { name, ttlS, type: formatType(type), data: formatData(type, data, 0, data.length) };
  });
}
/** Behind the header. */
const questionStart = 12;

function relayedRecords(response: Buffer): TextRecord[] {
  return (readAnswers(response) ?? []).map(({ start, at, type, data, end }) => ({
    name: expandName(response, start)?.name ?? '?',
    ttlS: response.readUInt32BE(at + 4),
    type: formatType(type),
    data: formatData(type, response, end - data.length, end),
  }));
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
