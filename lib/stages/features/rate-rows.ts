import type { BatchRequest } from '../../data/index.js';
import { BlissError } from '../../errors.js';
import type { ScoreFeatures } from '../../models/index.js';
import type { Shards } from '../contents/index.js';
import { throwIfStopped } from '../execution/index.js';
import type { BilevelInput, OpenRater, StageContext } from '../types.js';
import { RowFeatures } from './row-features.js';

/**
 * φ of every row of the round's group: scores as arms of these selectors have them, standardised over the group. One pass over the rows for each, in a phase of its own;
 * a stage that is stopped within it begins it again.  @see method §1
 */
export async function rateRows({ input, group, of, openRater, context }: { readonly input: BilevelInput; readonly group: Shards; readonly of: ScoreFeatures; readonly openRater: OpenRater; readonly context: StageContext }): Promise<RowFeatures> {
  const { features = [], models, sequenceLength, corpus, compiler, precision, bilevel: { batchSize } } = input;
  const { rows, shards } = group.index;
  const requests: BatchRequest[] = Array.from({ length: Math.ceil(rows / batchSize) }, (_, b) => ({ kind: 'range', start: b * batchSize, end: Math.min(rows, (b + 1) * batchSize) }));
  const scores = features.map(() => new Float32Array(rows));
  // one after the other: raters of models of one architecture share a program, which holds the weights of whichever was opened last
  for (const [k, { by, scorer }] of features.entries()) {
    const rate = await openRater({ input: { models, sequenceLength, batchSize, corpus, group: input.group, shards: { first: 0, end: shards.length }, scorer, by, compiler, precision }, scorer: await context.store.open(scorer), context });
    const feeder = await context.feed({ ...group, batchSize, requests });
    for (const [b] of requests.entries()) {
      if (b % 16 === 0) await context.phase(`rating rows by ${by}, ${Math.floor((100 * b) / requests.length)}%`);
      throwIfStopped(context);
      const { tokens, ...batch } = await feeder.next();
      const rated = rate(tokens, batch);
      batch.indices.forEach((row, i) => (scores[k][row] = rated[i]));
    }
    await feeder.close();
  }
  scores.forEach((some, k) => {
    const at = some.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw new BlissError({ code: 'LossDiverged', message: `the score by ${features[k].by} of row ${at} of group ${input.group} is ${some[at]}`, where: 'bilevel.score.features', fix: 'look at that row, and at the warm-up of the model that scores it' });
  });
  return RowFeatures.fromScores(of, scores);
}
