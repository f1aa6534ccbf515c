import { expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { SCORED_BY, scoresOnDevice, SELECTOR_NAMES, selectorRow, type SelectorName } from '../../config/tables/selectors.js';
import { LEARNING_STAGES } from '../../config/tables/stages.js';
import { howSelected } from '../../lib/stages/exports/how-selected.js';
import * as workflows from '../../workflows/index.js';
import { planStages } from '../../workflows/plan.js';

test('each stage by which arms learn is named by a selector, and its workflow is registered by its name', () => {
  expect(new Set(SELECTOR_NAMES.flatMap((name) => selectorRow(name).stage ?? []))).toEqual(new Set(LEARNING_STAGES));
  const registered: Readonly<Record<string, unknown>> = { ...workflows };
  // a child is started by its function's name
  for (const name of [...LEARNING_STAGES, 'prepare', 'importing', 'selection']) expect(registered[name], name).toHaveProperty('name', name);
});

test('scores take a device but for those by n-grams and by the name of a source', () => {
  expect(SCORED_BY.filter((by) => !scoresOnDevice(by))).toEqual(['lexical', 'source']);
});

test('a run with a selector of a later version, in the same home, is looked at nevertheless', () => {
  const { config } = loadConfig({ source: 'smoke', cwd: process.cwd() });
  const later = 'since-later' as SelectorName; // its configuration is read as it was written
  const stages = planStages({ ...config, comparison: { arms: [{ name: 'a', selector: later }] } });
  expect(stages.filter((stage) => stage.includes('/a/'))).toEqual(['selection', 'pretraining', 'decay', 'evaluation'].map((stage) => `seed-0/a/round-1/${stage}`));
  expect(howSelected(later, config.selection)).toMatchObject({ by: expect.stringContaining('since-later'), kept: 'those with the highest scores' });
});
