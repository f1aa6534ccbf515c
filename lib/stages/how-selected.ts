import type { RunConfig } from '../../config/schema.js';

type Selector = RunConfig['comparison']['arms'][number]['selector'];
type Selection = RunConfig['selection'];

/** What an arm goes by, and what a score of it is: words for readers of a data set. */
const SELECTORS: Readonly<Record<string, { readonly by: string; readonly score: string } | undefined>> = {
  bliss: { by: 'by bilevel influence scoring: by a score model that learnt which rows lower the loss on held-out text', score: 'logit of the score model, before the sigmoid' },
  random: { by: 'by chance', score: 'null: chance has none' },
  dsir: { by: 'by importance weights of n-grams towards the validation set (DSIR)', score: 'log importance weight' },
  'quality-classifier': { by: 'by a linear classifier of n-grams between the validation set and the corpus', score: 'logit of the classifier' },
  'perplexity-low': { by: 'by the loss of the warmed-up proxy, easiest first', score: 'minus the mean next-token loss, in nats' },
  'perplexity-middle': { by: 'by the loss of the warmed-up proxy, neither easy nor hard', score: 'minus the mean next-token loss, in nats' },
};

export interface HowSelected {
  /** ‘by chance’ */
  readonly by: string;
  /** what a score is */
  readonly score: string;
  /** which rows were kept; absent where chance drew them */
  readonly kept?: string;
}

export function howSelected(selector: Selector, selection: Selection): HowSelected {
  const { by, score } = SELECTORS[selector] ?? { by: `by the selector \`${selector}\``, score: 'what the rows were ranked by' };
  if (selector === 'bliss' && selection.from !== undefined) return { by: 'by their ids, which were given', score: 'null: none was computed' };
  if (selector === 'random') return { by, score };
  const without = selection.trainedRows === 'exclude' && selector === 'bliss' ? '; rows that trained the score model were left out' : '';
  return { by, score, kept: `${selector === 'perplexity-middle' ? 'those nearest to the median score' : keptBy(selection)}${without}` };
}

function keptBy({ method, temperature }: Selection): string {
  switch (method) {
    case 'top-k':
      return 'those with the highest scores';
    case 'top-k-float16':
      return 'those with the highest scores after the sigmoid, in float16';
    case 'gumbel-top-k':
      return `those with the highest scores after Gumbel noise of scale ${temperature}, so that rank is not the order of \`score\``;
  }
}
