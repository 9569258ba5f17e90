import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/** The shape of the source tree, held by a test instead of by memory. */
const root = fileURLToPath(new URL('../../src', import.meta.url));

/** What each folder may import; the files beside the folders put everything together. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: ['base'],
  proto: [],
  kernel: ['base', 'model'],
  rules: ['base', 'model'],
  store: ['base', 'model'],
  config: ['base', 'model'],
  gossip: ['base', 'model'],
  dns: ['base', 'model'],
  io: ['base', 'model', 'gossip', 'dns'],
  overlay: ['base', 'model'],
  paths: ['base', 'model'],
  health: ['base', 'model', 'config'],
  catalog: ['base'],
  reconcile: ['base', 'model', 'kernel', 'rules'],
  mesh: ['base', 'model', 'config', 'store', 'gossip', 'catalog', 'overlay', 'paths', 'api'],
  api: ['base', 'model', 'kernel', 'paths', 'proto'],
  host: ['base', 'model', 'kernel', 'rules', 'store', 'reconcile', 'overlay', 'paths', 'api'],
  metrics: ['base', 'model', 'kernel', 'reconcile', 'api', 'dns'],
  cli: ['base', 'model', 'api', 'proto'],
};

/** Where the outside world may be touched: the adapters and the entry points. */
const isOutside = (file: string): boolean =>
  /^(io|kernel\/linux|cli)\//.test(file) || !file.includes('/');

/** Elsewhere, and why. */
const exceptions: Readonly<Record<string, string>> = {
  'api/server.ts': 'the socket must be private before anybody can open it: umask',
  'catalog/ed25519.ts': 'signatures: a function of bytes, like any other',
  'catalog/proof.ts': 'hashes: the same',
  'api/socket-file.ts': 'removes the socket that a dead daemon left, and never a living one',
};

const entryFiles = ['meshd.ts', 'meshctl.ts'];
/** What computes alone. */
const pureModules = ['node:crypto', 'node:zlib'];
const worldly = ['process', 'setTimeout', 'setInterval', 'setImmediate', 'Date', 'performance'];

/** Unit: lines. */
const fileLinesMax = 400;
const functionLinesMax = 70;

interface Source {
  /** Below src, with slashes: `rules/diff.ts`. */
  readonly name: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  /** Files of ours that it imports, by name. */
  readonly imports: readonly string[];
  readonly packages: readonly string[];
}

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((path) => path.split(sep).join('/'))
  .filter((name) => name.endsWith('.ts') && !name.startsWith('proto/'))
  .map(read);

function read(name: string): Source {
  const text = readFileSync(join(root, name), 'utf8');
  const tree = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true);
  const modules = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);
  const imports = modules
    .filter((module) => module.startsWith('.'))
    .map((module) => relative(root, join(root, dirname(name), module)))
    .map((path) => path.replace(/\.js$/, '.ts'));
  return { name, text, tree, imports, packages: modules.filter((m) => !m.startsWith('.')) };
}

function folderOf(name: string): string {
  return name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
}

function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of node.getChildren()) yield* nodesOf(child);
}

/** `file: what` for everything that `find` has something against. */
function complaints(find: (source: Source) => readonly string[]): string[] {
  return sources.flatMap((source) => find(source).map((what) => `${source.name}: ${what}`));
}

describe('the source tree', () => {
  it('has no folder without a place in the order', () => {
    const folders = new Set(sources.map(({ name }) => folderOf(name)));
    folders.delete('');
    expect([...folders].filter((folder) => mayImport[folder] === undefined)).toEqual([]);
  });

  it('imports only downwards', () => {
    const found = complaints(({ name, imports }) => {
      const own = folderOf(name);
      if (own === '') return [];
      const allowed = [own, ...(mayImport[own] ?? [])];
      return imports.filter((path) => !allowed.includes(folderOf(path)));
    });
    expect(found).toEqual([]);
  });

  it('imports another folder through its index.ts alone', () => {
    const found = complaints(({ name, imports }) =>
      imports.filter(
        (path) =>
          folderOf(path) !== folderOf(name) &&
          !path.startsWith('..') &&
          path.includes('/') &&
          !path.endsWith('/index.ts') &&
          folderOf(path) !== 'proto', // Generated: one file.
      ),
    );
    expect(found).toEqual([]);
  });

  it('names the two kernels only where everything is put together', () => {
    const found = complaints(({ name, text }) => [
      ...(folderOf(name) !== 'kernel' && text.includes('FakeKernel') ? ['the one for tests'] : []),
      ...(!['kernel', ''].includes(folderOf(name)) && text.includes('openLinuxKernel')
        ? ['the one of Linux']
        : []),
    ]);
    expect(found).toEqual([]);
  });

  it('has no cycle of imports', () => {
    const state = new Map<string, 'open' | 'done'>();
    const byName = new Map(sources.map((source) => [source.name, source]));
    const visit = (name: string, path: readonly string[]): string[] => {
      if (state.get(name) === 'open')
        return [[...path.slice(path.indexOf(name)), name].join(' > ')];
      if (state.has(name)) return [];
      state.set(name, 'open');
      const imports = byName.get(name)?.imports ?? [];
      const found = imports.flatMap((next) => visit(next, [...path, name]));
      state.set(name, 'done');
      return found;
    };
    expect(sources.flatMap(({ name }) => visit(name, []))).toEqual([]);
  });

  it('opens each folder with a comment that says what it is for', () => {
    const found = complaints(({ name, text }) =>
      name.endsWith('/index.ts') && !text.startsWith('/**') ? ['no comment at the top'] : [],
    );
    expect(found).toEqual([]);
  });

  it('touches the outside world only in adapters and entry points', () => {
    const found = complaints(({ name, tree, packages }) => {
      if (isOutside(name) || name in exceptions) return [];
      const names = [...nodesOf(tree)].filter(ts.isIdentifier).filter(isReference);
      const used = names.map(({ text }) => text).filter((text) => worldly.includes(text));
      const random = tree.text.includes('Math.random') ? ['Math.random'] : [];
      const modules = packages.filter((module) => module.startsWith('node:'));
      return [...modules.filter((m) => !pureModules.includes(m)), ...used, ...random];
    });
    expect(found).toEqual([]);
    expect(Object.keys(exceptions).filter((name) => !sources.some((s) => s.name === name))).toEqual(
      [],
    );
  });

  it('ends the process only in entry files', () => {
    const found = complaints(({ name, text }) =>
      text.includes('process.exit') && !entryFiles.includes(name) ? ['process.exit'] : [],
    );
    expect(found).toEqual([]);
  });

  it('has no default export, and nothing left to do', () => {
    const found = complaints(({ text }) => [
      ...(/^export default/m.test(text) ? ['default export'] : []),
      ...(/\b(TODO|FIXME|XXX)\b/.test(text) ? ['left to do'] : []),
    ]);
    expect(found).toEqual([]);
  });

  it(`has files of at most ${fileLinesMax} lines and functions of at most ${functionLinesMax}`, () => {
    const found = complaints(({ tree, text }) => {
      const lines = text.split('\n').length - 1;
      return [
        ...(lines > fileLinesMax ? [`${lines} lines`] : []),
        ...[...nodesOf(tree)].filter(ts.isFunctionLike).flatMap((node) => lengthOf(node, tree)),
      ];
    });
    expect(found).toEqual([]);
  });
});

/** A name that stands for a value, not for a property or a type. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return !ts.isTypeReferenceNode(parent) && !('name' in parent && parent.name === node);
}

function lengthOf(node: ts.SignatureDeclaration, tree: ts.SourceFile): string[] {
  const line = (position: number): number => tree.getLineAndCharacterOfPosition(position).line + 1;
  const first = line(node.getStart());
  const lines = line(node.getEnd()) - first + 1;
  return lines > functionLinesMax ? [`line ${first}: a function of ${lines} lines`] : [];
}
