import { expect, test } from 'vitest';
import { TASK_NAMES } from '../../lib/evaluation/index.js';
import { load, refused } from './given.js';

const withTask = (name: string): string => `extends: smoke\nevaluation:\n  tasks: [{ name: ${name}, path: items.jsonl }]`;

test('a run may have every task that can be evaluated, and no other', () => {
  for (const name of TASK_NAMES) expect(load(withTask(name)).config.evaluation.tasks).toEqual([{ name, path: 'items.jsonl' }]);
  for (const name of TASK_NAMES) expect(refused(withTask('mmlu'))).toContain(name);
});

test('a run without tasks has no such field', () => {
  expect(load('extends: smoke').config.evaluation).not.toHaveProperty('tasks');
});
