import type { RunConfig } from '../../../config/schema.js';
import { isGiven, SELECTORS, selectorRow, type SelectorName } from '../../../config/tables/selectors.js';

type Selection = RunConfig['selection'];

export interface HowSelected {
  /** ‘by chance’ */
  readonly by: string;
  /** what a score is */
  readonly score: string;
  /** which rows were kept; absent where no score said so */
  readonly kept?: string;
}

const NOISE = 'so that `rank` is not the order of `score`';

/** In words, by the configuration of the run. */
export function howSelected(selector: SelectorName, selection: Selection): HowSelected {
  if (isGiven(selector, selection)) return { by: 'by their ids, which were given', score: 'null: none was computed' };
  const { by, score, scoredBy, kept = keptBy(selection), trainsOnRows = false } = selectorRow(selector);
  // of a selector that only a later version knows rows may have scores
  if (scoredBy === null && Object.hasOwn(SELECTORS, selector)) return { by, score };
  return { by, score, kept: trainsOnRows && selection.trainedRows === 'exclude' ? `${kept}, without those that trained what scores them` : kept };
}

function keptBy({ method, temperature }: Selection): string {
  switch (method) {
    case 'top-k':
      return 'those with the highest scores';
    case 'top-k-float16':
      return 'those with the highest scores after the sigmoid, in float16';
    case 'gumbel-top-k':
      return `those with the highest scores after Gumbel noise of scale ${temperature}, ${NOISE}`;
  }
}
