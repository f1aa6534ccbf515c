import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { OWN_ITEMS, TASK_NAMES as CONFIGURED } from '../../config/tables/tasks.js';
import { TASK_NAMES, taskByName } from '../../lib/evaluation/index.js';
import { packageRoot } from '../../lib/package-root.js';

test('the tasks are those of the configuration, in its order', () => {
  expect(TASK_NAMES).toEqual(CONFIGURED);
  expect(TASK_NAMES.filter((name) => taskByName(name).own !== undefined)).toEqual(OWN_ITEMS);
});

test.each(TASK_NAMES)('docs/evaluation.md has %s with its split, data set and metrics', (name) => {
  const lines = readFileSync(path.join(packageRoot(), 'docs', 'evaluation.md'), 'utf8').split('\n');
  const rows = lines.filter((line) => line.startsWith('|')).map((line) => line.split('|').map((cell) => cell.trim()));
  const row = rows.find(([, tasks]) => tasks.split(', ').includes(`\`${name}\``));
  const { split, dataset, metrics, own } = taskByName(name);
  expect(row?.slice(2, 5)).toEqual([own === undefined ? split : '–', expect.stringContaining(own === undefined ? `\`${dataset.split(', ')[0]}\`` : 'its own'), metrics.join(', ')]);
});
