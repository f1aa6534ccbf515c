import { LEARNING_STAGES } from '../../../config/tables/stages.js';
import type { LearntFigures } from '../../report/index.js';
import { LEARNING } from '../learning.js';
import type { OpenedStage } from './opened-stage.js';

/** What stages by which arms learn tell of themselves, in the order of their table; a stage that no arm has gone through tells nothing. */
export function learntFigures(opened: readonly OpenedStage[]): readonly LearntFigures[] {
  return LEARNING_STAGES.flatMap((name) => {
    const { table } = LEARNING[name];
    if (table === undefined) return [];
    const rows = opened.flatMap(({ stage: { name: own, seed, arm, round, results } }) => {
      if (own !== name || seed === null || arm === null || round === null) return [];
      return [{ seed, arm, round, values: table.columns.map(({ of }) => Number(results[0].summary[of])) }];
    });
    return rows.length === 0 ? [] : [{ ...table, rows }];
  });
}
