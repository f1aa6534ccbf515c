import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';
import { temporaryFolder } from './temporary-folder.js';

const ROOMS = ['cli', 'config', 'workflows', 'activities', 'workers', 'lib', 'bench', 'types'];

interface Change {
  readonly file: string;
  readonly from: RegExp;
  readonly to: string;
}

/** Files of a copy of the source that the compiler refuses once it is changed. */
function refusedFiles(changes: readonly Change[]): string[] {
  const root = packageRoot();
  const copy = temporaryFolder();
  for (const name of [...ROOMS, 'tsconfig.json', 'package.json']) cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  for (const { file, from, to } of changes) {
    const text = readFileSync(path.join(copy, file), 'utf8');
    expect(text.match(new RegExp(from, 'g')), `${file} has one ${String(from)}`).toHaveLength(1);
    writeFileSync(path.join(copy, file), text.replace(from, to));
  }
  const { stdout, error } = spawnSync(process.execPath, [path.join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '--noEmit', '--pretty', 'false', '-p', copy], { encoding: 'utf8', cwd: copy });
  expect(error).toBeUndefined();
  return [...new Set([...stdout.matchAll(/^(\S+)\(\d+,\d+\): error/gm)].map(([, file]) => file))].sort((a, b) => a.localeCompare(b));
}

test('a z-solver, a model family and a task that a configuration may name are refused by the compiler where their entries are missing, and only there', () => {
  expect(
    refusedFiles([
      { file: 'config/sections/bilevel.ts', from: /'neumann', 'identity'\]/, to: "'neumann', 'identity', 'made-up']" },
      { file: 'config/sections/models.ts', from: /\[gptNeoX, llama\] as const/, to: "[gptNeoX, llama, llama.extend({ architecture: z.literal('made-up') })] as const" },
      { file: 'config/sections/models.ts', from: /llama\.extend\(\{ from \}\)\]/, to: "llama.extend({ from }), llama.extend({ architecture: z.literal('made-up'), from })]" },
      { file: 'config/tables/tasks.ts', from: /'wordnet'\] as const/, to: "'wordnet', 'made_up'] as const" },
    ]),
  ).toEqual(['config/model-problems.ts', 'lib/bilevel/z-solvers/index.ts', 'lib/evaluation/tasks/index.ts', 'lib/models/create-model.ts', 'lib/models/families/index.ts']);
});

test('a stage by which arms learn is refused where its schema, what it does and what it is given are missing, and only there', () => {
  const named: readonly Change[] = [
    { file: 'config/tables/stages.ts', from: /(?= {2}scoring: \{ activity)/, to: "  madeUp: { activity: 'makeUp', on: ['cpu'], learns: true },\n" },
    { file: 'config/tables/selectors.ts', from: /(?=\} as const satisfies Readonly<Record<string, SelectorRow>>)/, to: "  'made-up': { stage: 'madeUp', scoredBy: 'madeUp', by: 'as made up', score: 'a number' },\n" },
  ];
  // what asks for its schema is refused with it
  expect(refusedFiles(named)).toContain('config/inputs/stages.ts');
  expect(refusedFiles([...named, { file: 'config/inputs/stages.ts', from: /(?= {2}scoring,)/, to: '  madeUp: z.object({ group }),\n' }])).toEqual(['lib/stages/learning.ts', 'workflows/arm/learning.ts']);
});
