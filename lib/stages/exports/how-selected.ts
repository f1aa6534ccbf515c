import type { RunConfig } from '../../../config/schema.js';

type Selector = RunConfig['comparison']['arms'][number]['selector'];
type Selection = RunConfig['selection'];

export interface HowSelected {
  /** ‘by chance’ */
  readonly by: string;
  /** what a score is */
  readonly score: string;
  /** which rows were kept; absent where no score said so */
  readonly kept?: string;
}

interface Words extends HowSelected {
  /** rows of the group train what scores them */
  readonly learns?: boolean;
}

const NOISE = 'so that `rank` is not the order of `score`';

/** What an arm goes by, for readers of a data set, and what it keeps where `selection.method` does not say. */
const SELECTORS: Readonly<Record<string, Words | undefined>> = {
  bliss: { by: 'by bilevel influence scoring: by a score model that learnt which rows lower the loss on held-out text', score: 'logit of the score model, before the sigmoid', learns: true },
  mates: {
    by: 'as MATES does: by a model that learnt to predict what a training step on a row alone does to the loss on held-out text', score: 'predicted influence, in standard deviations of those measured; larger is better',
    kept: `those with the highest scores after Gumbel noise, ${NOISE}`, learns: true,
  },
  dsir: { by: 'by importance weights of n-grams towards the validation set (DSIR)', score: 'log importance weight' },
  'quality-classifier': { by: 'by a linear classifier of n-grams between the validation set and the corpus', score: 'logit of the classifier' },
  'perplexity-low': { by: 'by the loss of the warmed-up proxy, easiest first', score: 'minus the mean next-token loss, in nats' },
  'perplexity-middle': { by: 'by the loss of the warmed-up proxy, neither easy nor hard', score: 'minus the mean next-token loss, in nats', kept: 'those nearest to the median score' },
};

/** In words, by the configuration of the run. */
export function howSelected(selector: Selector, selection: Selection): HowSelected {
  if (selector === 'random') return { by: 'by chance', score: 'null: chance has none' };
  if (selector === 'bliss' && selection.from !== undefined) return { by: 'by their ids, which were given', score: 'null: none was computed' };
  const { by, score, kept = keptBy(selection), learns = false } = SELECTORS[selector] ?? { by: `by the selector \`${selector}\``, score: 'what the rows were ranked by' };
  return { by, score, kept: learns && selection.trainedRows === 'exclude' ? `${kept}, without those that trained what scores them` : kept };
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
