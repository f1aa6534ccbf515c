import { expect, test } from 'vitest';
import { stageLine, stageTable } from '../../../cli/view/table.js';
import type { StageProgressFile } from '../../../lib/home.js';

const stage = (change: Partial<StageProgressFile>): StageProgressFile => ({ stage: 'seed-0/warm-up/target', state: 'running', attempt: 1, step: 5, of: 10, metrics: { loss: 4.5 }, startedAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:01:00Z', ...change });

test('a stage says what a reader must know of its result, and what it waits for', () => {
  const note = 'not bit-comparable from step 3 on';
  expect(stageTable([stage({ note, state: 'done' })])[0]).toMatch(/took 1m 00s +not bit-comparable from step 3 on$/);
  expect(stageLine(stage({ note }))).toContain(note);
  expect(stageTable([stage({ state: 'waiting', error: 'no space left on the disk' })])[0]).toMatch(/no space left on the disk$/);
  expect(stageTable([stage({ state: 'failed', error: 'told with the run’s failure' })])[0]).not.toContain('told');
});

test('a stage says how much of its time it waits for data where that is a hundredth or more, and not its first batch alone', () => {
  const line = (dataWait: StageProgressFile['dataWait'], state: StageProgressFile['state'] = 'running'): string => stageLine(stage({ dataWait, state }));
  expect(line({ seconds: 12, of: 100 })).toContain(', waits for data 12.0 %');
  expect(line({ seconds: 12, of: 100 }, 'done')).toContain(', waited for data 12.0 %');
  expect(stageTable([stage({ dataWait: { seconds: 12, of: 100 } })])[0]).toContain('waits for data 12.0 %');
  // from a hundredth on, and from a second on
  expect(line({ seconds: 1, of: 100 })).toContain(', waits for data 1.0 %');
  expect(line({ seconds: 10, of: 1000 })).toContain(', waits for data 1.0 %');
  expect(line({ seconds: 9.9, of: 1000 })).not.toContain('data');
  for (const quiet of [undefined, { seconds: 0, of: 0 }, { seconds: 0.9, of: 100 }, { seconds: 0.5, of: 2 }]) expect(line(quiet)).not.toContain('data');
  expect(line({ seconds: 12, of: 100 }, 'cached')).not.toContain('data');
});
