import { expect, test } from 'vitest';
import { TASK_NAMES, taskByName } from '../../lib/evaluation/index.js';
import { load, refused } from './given.js';

const withTask = (name: string): string => `extends: smoke\nevaluation:\n  tasks: [{ name: ${name}, path: items.jsonl }]`;

test('a run may have every task that can be evaluated, and no other', () => {
  for (const name of TASK_NAMES) expect(load(withTask(name)).config.evaluation.tasks).toEqual([{ name, path: 'items.jsonl' }]);
  for (const name of TASK_NAMES) expect(refused(withTask('mmlu'))).toContain(name);
});

test('a run without tasks has no such field', () => {
  expect(load('extends: smoke').config.evaluation).not.toHaveProperty('tasks');
});

test('a task without a file of items is refused, but for the one that has its own', () => {
  const without = (name: string): string => `extends: smoke\nevaluation:\n  tasks: [{ name: ${name}, limit: 3 }]`;
  for (const name of TASK_NAMES) {
    if (taskByName(name).own !== undefined) expect(load(without(name)).config.evaluation.tasks).toEqual([{ name, limit: 3 }]);
    else expect(refused(without(name))).toContain(`evaluation.tasks.0.path: found nothing, allowed: a file, glob or folder of items of ${name}`);
  }
  expect(TASK_NAMES.filter((name) => taskByName(name).own !== undefined)).toEqual(['wordnet']);
});
