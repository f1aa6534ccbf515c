import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../setup/set-up.mjs';
import { temporaryFolder } from './temporary-folder.js';

const OXLINT = path.join(ROOT, 'node_modules', '.bin', 'oxlint');

interface Around {
  /** rules that ask the compiler too */
  readonly types?: boolean;
  /** files beside it */
  readonly others?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly diagnostics: readonly { readonly code: string; readonly labels: readonly { readonly span: { readonly line: number } }[] }[];
}

/** What the linter says. Its second process, which asks the compiler, has been seen to fail to start once in some hundred times: it is given three. */
function answer(args: readonly string[], cwd: string, tries = 3): Answer {
  const { stdout, stderr, status } = spawnSync(OXLINT, args, { cwd, encoding: 'utf8' });
  try {
    return JSON.parse(stdout.slice(stdout.indexOf('{'))) as Answer;
  } catch (cause) {
    if (tries > 1) return answer(args, cwd, tries - 1);
    throw new Error(`the linter ended with ${status ?? 'a signal'} and said: ${stdout}${stderr}`, { cause });
  }
}

/** Rules broken by one file, each at its line. */
function broken(file: string, lines: readonly string[], { types = false, others = {} }: Around = {}): string[] {
  const folder = temporaryFolder();
  copyFileSync(path.join(ROOT, '.oxlintrc.json'), path.join(folder, '.oxlintrc.json'));
  writeFileSync(path.join(folder, 'tsconfig.json'), '{ "compilerOptions": { "target": "ES2022", "module": "NodeNext", "strict": true, "types": [] } }');
  mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
  writeFileSync(path.join(folder, file), `${lines.join('\n')}\n`);
  for (const [other, text] of Object.entries(others)) writeFileSync(path.join(folder, other), text);
  const { diagnostics } = answer([...(types ? ['--type-aware'] : []), '--format=json', file], folder);
  return diagnostics.map(({ code, labels }) => `${labels[0]?.span.line ?? 0} ${/\((.*)\)/.exec(code)?.[1] ?? code}`);
}
/** Which of these lines of one file the arrows between rooms ban. */
const banned = (file: string, lines: readonly string[]): string[] => {
  const found = broken(file, lines);
  return lines.filter((_line, index) => found.includes(`${index + 1} no-restricted-imports`));
};
/** `export … from` is an import that needs no use of it; one name may be exported once. */
let names = 0;
const value = (module: string): string => `export { x as x${names++} } from '${module}';`;
const type = (module: string): string => `export type { X as X${names++} } from '${module}';`;

const WORKFLOW = 'workflows/pipeline.ts';

test('workflows may not run Node built-ins, tensors, other packages, nor code of other rooms', () => {
  const lines = [
    ...['fs', 'path', 'crypto', 'zlib', 'worker_threads', 'fs/promises', 'node:fs', 'node:fs/promises', 'node:crypto', 'node:zlib', 'node:test'],
    ...['@tensorflow/tfjs-node-gpu', '@temporalio/worker', '@temporalio/client', '@temporalio/activity', '@temporalio/common/lib/time.js', 'hyparquet', 'yaml', 'zstd', '@observablehq/plot'],
    ...['../lib/errors.js', '../activities/index.js', '../config/load.js', '../config/index.js', '../workers/worker.js', '../cli/main.js'],
  ].map(value);
  expect(banned(WORKFLOW, lines)).toEqual(lines);
});

test("workflows may run their own, Temporal's, zod and the schemas, and know types of lib and activities", () => {
  const lines = [
    ...['./stage.js', '../types.js', '@temporalio/workflow', '@temporalio/common', 'zod', '../config/schema.js', '../config/sections/run.js'].map(value),
    ...['../lib/artifacts/types.js', '../activities/index.js', '../config/index.js'].map(type),
  ];
  expect(banned(WORKFLOW, lines)).toEqual([]);
});

test('workflows may not use globals that the sandbox lacks', () => {
  expect(broken(WORKFLOW, ['export const a = process.pid;', 'export const b = Buffer.alloc(1);', 'export const c = crypto.randomUUID();'])).toEqual(expect.arrayContaining(['1 no-restricted-globals', '2 no-restricted-globals', '3 no-restricted-globals']));
});

test.each<[string, { not: readonly string[]; but: readonly string[] }]>([
  ['lib/models/decoder.ts', { not: ['@temporalio/common', '../../workflows/types.js', '../../activities/index.js', '../../workers/worker.js', '../../cli/main.js'].map(value), but: [value('../tensor/index.js'), type('../../config/sections/models.js')] }],
  ['lib/errors.ts', { not: ['@temporalio/common', '../workflows/types.js', '../activities/index.js', '../workers/worker.js', '../cli/main.js'].map(value), but: [value('node:fs'), value('../config/schema.js')] }],
  ['config/sections/run.ts', { not: ['../../cli/main.js', '../../activities/index.js', '../../workflows/types.js', '@tensorflow/tfjs-node-gpu', '@temporalio/common'].map(value), but: [value('zod'), value('../../lib/errors.js')] }],
  ['activities/run-stage.ts', { not: ['../cli/main.js', '../workers/trainer/trainer.js', '../workflows/types.js', '@temporalio/workflow', '@temporalio/worker'].map(value), but: [type('../workflows/types.js'), value('../lib/artifacts/index.js'), value('@temporalio/activity')] }],
  ['workers/worker.ts', { not: ['../cli/main.js', '@temporalio/workflow'].map(value), but: ['../activities/index.js', '../workflows/types.js', '@temporalio/worker'].map(value) }],
  ['cli/commands/run.ts', { not: ['../../activities/index.js', '../../setup/record.mjs', '@temporalio/workflow'].map(value), but: [value('../../workflows/types.js'), value('../../workers/local-stack.js'), type('../../activities/index.js')] }],
  ['setup/setup.mjs', { not: ['zod', 'fs', 'npm', '../lib/home.js', '../dist/cli/main.js'].map(value), but: ['node:fs/promises', './lock.mjs'].map(value) }],
  ['bin/bliss.mjs', { not: ['commander', '../dist/cli/main.js'].map(value), but: ['node:path', '../setup/record.mjs'].map(value) }],
])('the arrows of %s', (file, { not, but }) => {
  expect(banned(file, [...not, ...but])).toEqual(not);
});

test.each([
  ['of values', "import { a } from './a.js';\nexport const b = (): number => a() + 1;\n"],
  ['of a value one way and a type back', "import type { A } from './a.js';\nexport const b = (): A => ({});\n"],
])('a circle %s between two files is an error', (_what, other) => {
  const lines = ["import { b } from './b.js';", 'export interface A { readonly of?: A }', 'export const a = (): number => Number(b());'];
  expect(broken('lib/a.ts', lines, { others: { 'lib/b.ts': other } })).toEqual(['1 no-cycle']);
  expect(broken('lib/a.ts', lines, { others: { 'lib/b.ts': 'export const b = (): number => 1;\n' } })).toEqual([]);
});

test('ops of tfjs whose second derivative is silently wrong may not be used in lib', () => {
  const lines = ['declare const tf: any;', 'export const a = tf.logSoftmax(1);', 'export const b = tf.losses.softmaxCrossEntropy(1, 2);', 'export const c = tf.softmax(1);'];
  expect(broken('lib/models/x.ts', lines).filter((found) => found.endsWith('no-restricted-properties'))).toEqual([2, 3].map((line) => `${line} no-restricted-properties`));
});

test('what the linter says to use instead is there', () => {
  const instead = [...readFileSync(path.join(ROOT, '.oxlintrc.json'), 'utf8').matchAll(/use (\w+) of lib\/tensor/g)].map(([, name]) => name);
  expect(instead).toEqual(['logSoftmax', 'crossEntropy']);
  const exported = readFileSync(path.join(ROOT, 'lib', 'tensor', 'index.ts'), 'utf8');
  for (const name of instead) expect(exported).toMatch(new RegExp(`\\b${name}\\b`));
});

test('any, a non-null assertion and a promise nobody waits for are errors', () => {
  const lines = ['export function f(x: any): void {', '  void x;', '}', 'export const g = (a?: number): number => a!;', 'export async function h(): Promise<void> {}', 'export function i(): void {', '  h();', '}'];
  expect(broken('lib/x.ts', lines, { types: true })).toEqual(expect.arrayContaining(['1 no-explicit-any', '4 no-non-null-assertion', '7 no-floating-promises']));
});
