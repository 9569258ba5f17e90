import type {
  NameAnswer,
  NameFound,
  NameQuestion,
  NameRecord,
  NamesControl,
  NameStats,
} from '../../src/api/index.js';
import { FieldError, MeshError } from '../../src/base/index.js';

const records: readonly NameRecord[] = [
  { name: 'web.blue.mesh.internal.', ttlS: 5, type: 'A', data: '10.64.0.200' },
  { name: 'web.blue.mesh.internal.', ttlS: 5, type: 'AAAA', data: 'fd00:64::c8' },
  { name: 'web.blue.mesh.internal.', ttlS: 5, type: 'TXT', data: '"service=web"' },
];

const found = (kind: string, name = 'web', network?: string): NameFound => {
  return network === undefined ? { kind, name } : { kind, name, network };
};

/** By name and type. */
const answers: Record<string, Omit<NameAnswer, 'records'> & { records?: readonly NameRecord[] }> = {
  'web A': {
    ...{ code: 'NOERROR', by: 'vip', found: found('service', 'web', 'blue') },
    records: [{ ...records[0]!, name: 'web.' }],
  },
  'web AAAA': {
    ...{ code: 'NOERROR', by: 'vip', found: found('service', 'web', 'blue') },
    records: [{ ...records[1]!, name: 'web.' }],
  },
  'api A': {
    ...{ code: 'NOERROR', by: 'vip', found: found('alias', 'gate') },
    records: [{ name: 'api.', ttlS: 5, type: 'A', data: '10.96.0.1' }],
  },
  'api AAAA': { code: 'NOERROR', by: 'vip', found: found('alias', 'gate') },
  'web-1 TXT': { code: 'NOERROR', by: 'task', found: found('task', 'web-1', 'blue') },
  'example.org A': {
    ...{ code: 'REFUSED', by: 'forward' },
    reason: 'who asks may ask for names of the mesh alone',
  },
};

/** Names in memory. */
export class FakeNames implements NamesControl {
  isLogging = false;
  /** What was asked. */
  readonly asked: NameQuestion[] = [];
  /** In the whole list. */
  size = records.length;
  figures: Partial<NameStats> = {};

  query(question: NameQuestion): Promise<NameAnswer> {
    this.asked.push(question);
    const { name, networks, sandbox } = question;
    const type = question.type.toUpperCase();
    if (!/^[A-Z]+$/.test(type)) {
      const problem = `expected A, AAAA or TYPE1-TYPE65535, got "${question.type}"`;
      return Promise.reject(new FieldError('type', problem));
    }
    if (networks.includes('red')) return Promise.reject(missing('network red'));
    if (sandbox === 'none') return Promise.reject(missing('sandbox none'));
    const nobody = { code: 'NXDOMAIN', by: 'task' };
    return Promise.resolve({ records: [], ...(answers[`${name} ${type}`] ?? nobody) });
  }

  *list(networks: readonly string[]): Generator<NameRecord, void> {
    if (networks.includes('red')) throw missing('network red');
    for (let i = 0; i < this.size; i++) yield records[i % records.length]!;
  }

  stats(): NameStats {
    return {
      counts: [],
      drops: { malformed: 0, limited: 0, oversized: 0, overflow: 0, unsent: 0 },
      kept: 0,
      listen: [],
      sandboxes: 0,
      upstreams: [],
      isLogging: this.isLogging,
      ...this.figures,
    };
  }
}

function missing(what: string): MeshError {
  return new MeshError('not_found', `${what}: not found; there are blue`);
}
