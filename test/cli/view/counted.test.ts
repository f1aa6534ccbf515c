import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { evaluationTable } from '../../../cli/eval/table.js';
import { planText } from '../../../cli/plan/plan-run.js';
import { counted } from '../../../lib/counted.js';
import { packageRoot } from '../../../lib/package-root.js';

test('one of a thing is called so', () => {
  expect([0, 1, 2].map((count) => counted(count, 'stage'))).toEqual(['0 stages', '1 stage', '2 stages']);
  expect(counted(2, 'entry', 'entries')).toBe('2 entries');
  const total = { toRun: 1, found: 2, flops: 1, bytes: 1, seconds: 1, gpuHours: 0, unknown: 1 };
  expect(planText({ config: 'c', stages: [], total })).toMatch(/c: 1 stage to run, 2 found finished; .*, without 1 stage whose kind/);
  expect(evaluationTable([{ task: 't', version: 1, items: 1, documents: 1, metrics: [], cut: { requests: 1, continuations: 2 } }]).slice(-2)).toEqual([expect.stringContaining('of 1 request the'), expect.stringContaining('of 2 requests not')]);
});

test('the command line puts no number before a noun that is always plural', () => {
  const folder = path.join(packageRoot(), 'cli');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(40);
  const fixed = files.flatMap((file) => [...readFileSync(path.join(folder, file), 'utf8').matchAll(/\$\{[^{}]*\} (?:artifacts|attempts|files|requests|results|rounds|rows|runs|seeds|shards|stages|steps|tasks|tokens|workers)\b(?! selected)/g)].map(([text]) => `${file}: ${text}`));
  // rows of a configured length, which is 8 at least
  expect(fixed.filter((text) => !text.startsWith('inputs/check-selection.ts'))).toEqual([]);
});
