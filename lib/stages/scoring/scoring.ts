import path from 'node:path';
import { RecordDigest } from '../../artifacts/index.js';
import { writeParquet, type BatchRequest, type ParquetRow } from '../../data/index.js';
import { BlissError } from '../../errors.js';
import { openCorpus, SCORES_FILE, trainedRows } from '../contents/index.js';
import { throwIfStopped } from '../execution/index.js';
import { openRater } from '../learning.js';
import type { Stage } from '../types.js';

/**
 * Scores of every row of some shards of a group, in float32: logits of the score model, or what another selector goes by. The batch grid is fixed by row index and the last batch is
 * padded, so that a row's score depends on nothing but the row and θ_s.  @see method §4, step 3 and §6.7
 */
export const scoring: Stage<'scoring'> = {
  name: 'scoring',
  version: 2,
  run: async (input, context) => {
    const { batchSize } = input;
    const corpus = await openCorpus(context.store, input.corpus);
    const group = corpus.index.groups[input.group];
    const scorer = await context.store.open(input.scorer);
    const isLearnt = (input.by ?? 'score-model') === 'score-model';
    const trained = isLearnt ? await trainedRows(scorer, group.rows) : () => false;
    const rowsBefore = (shard: number): number => group.shards.slice(0, shard).reduce((sum, { rows }) => sum + rows, 0);
    const first = rowsBefore(input.shards.first);
    const end = rowsBefore(input.shards.end);
    const grid = [...gridOver({ first, end, rows: group.rows, batchSize })];
    const feeder = await context.feed({ artifact: corpus.artifact, index: group, batchSize, requests: grid });
    const rate = await openRater({ input, scorer, context });

    const digest = new RecordDigest();
    let scored = 0;
    const rows = async function* (): AsyncIterable<ParquetRow> {
      for (let batch = 0; batch < grid.length; batch++) {
        const { tokens, indices, ids, sources } = await feeder.next();
        const logits = rate(tokens, { indices, ids, sources });
        for (const [i, id] of ids.entries()) {
          if (!Number.isFinite(logits[i])) throw new BlissError({ code: 'LossDiverged', message: `the score of row ${id} is ${logits[i]}`, fix: isLearnt ? 'lower bilevel.score.peakLearningRate' : 'look at that row, and at the warm-up of the model that scores it' });
          const index = indices[i];
          if (index < first || index >= end) continue;
          scored++;
          digest.row(id, logits[i]);
          yield { id, index, source: sources[i], logit: logits[i], trained: trained(index) };
        }
        await context.progress({ step: scored, of: end - first, amount: { value: scored, unit: 'rows' } });
        throwIfStopped(context); // shard ranges are small: what was not finished is scored again
      }
    };
    await writeParquet({
      file: path.join(context.scratch, SCORES_FILE),
      schema: { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, logit: { type: 'FLOAT' }, trained: { type: 'BOOLEAN' } },
      rows: rows(),
    });
    return {
      kind: 'scores',
      folder: context.scratch,
      digest: digest.hex(),
      summary: { rows: scored, group: input.group, firstShard: input.shards.first, endShard: input.shards.end },
    };
  },
};

/** The batches that hold rows [first, end): the grid starts at row 0 of the group wherever this range starts. */
function* gridOver({ first, end, rows, batchSize }: { readonly first: number; readonly end: number; readonly rows: number; readonly batchSize: number }): Iterable<BatchRequest> {
  for (let start = Math.floor(first / batchSize) * batchSize; start < end; start += batchSize) yield { kind: 'range', start, end: Math.min(rows, start + batchSize) };
}
