import { readFile } from 'node:fs/promises';
import type { BilevelConfig } from '../../config/sections/bilevel.js';
import { sampleRows } from '../data/index.js';
import { spearman } from '../influence/index.js';
import type { BilevelProgram } from '../programs/types.js';
import { type CheckpointFiles, readJson, type Shards } from './contents/index.js';
import type { RowFeatures } from './features/index.js';
import { RANKED_ROWS } from './ranked-rows.js';
import type { StageContext } from './types.js';

/** One alike pair may be chance. */
const STILL = 2;

const RANKING_FILE = 'ranking.bin';
const STOP_FILE = 'stop.json';

interface StopState {
  /** comparisons in a row that found the ranking still */
  readonly still: number;
  /** step at which the rate begins to fall; null: the ranking still moves */
  readonly decayFrom: number | null;
}

export interface WatchRanking {
  readonly context: StageContext;
  readonly group: Shards;
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** of all rows of the group; absent: the score model has none */
  readonly features?: RowFeatures;
  readonly stopAt: NonNullable<BilevelConfig['stopAt']>;
  /** w: while the rate warms up, rankings are alike since nothing moves */
  readonly warmUpSteps: number;
  readonly seed: string;
}

/**
 * Whether the ranking of the round's rows still moves: every so many outer steps the score model ranks a fixed sample of them, and Spearman's correlation
 * with the ranking before is taken. All of it is a function of seed and step; what a resumed stage needs is in its checkpoints.  @see method §4
 */
export class RankingWatch {
  #before: Float32Array | undefined;
  #state: StopState = { still: 0, decayFrom: null };

  private constructor(
    private readonly of_: WatchRanking,
    private readonly batches: readonly { readonly ids: Int32Array; readonly features?: Float32Array }[],
    private readonly rows: number,
  ) {}

  static async of(watched: WatchRanking): Promise<RankingWatch> {
    const { context, group, batchSize, sequenceLength, features, seed } = watched;
    const subset = sampleRows(group.index.rows, Math.min(1, RANKED_ROWS / group.index.rows), `${seed}/ranking`);
    const feeder = await context.feed({ ...group, batchSize: 1, subset, requests: Array.from(subset, (_, step) => ({ kind: 'ordered', seed: `${seed}/ranking`, step }) as const) });
    const tokens: Int32Array[] = [];
    const places: number[] = [];
    while (tokens.length < subset.length) {
      const row = await feeder.next();
      tokens.push(row.tokens);
      places.push(row.indices[0]);
    }
    await feeder.close();
    // the last batch is filled up with the first rows
    const batches = Array.from({ length: Math.ceil(tokens.length / batchSize) }, (_, b) => {
      const ids = new Int32Array(batchSize * sequenceLength);
      const rows = Array.from({ length: batchSize }, (_none, i) => (b * batchSize + i) % tokens.length);
      rows.forEach((row, i) => ids.set(tokens[row], i * sequenceLength));
      return { ids, ...(features === undefined ? {} : { features: features.batch(Uint32Array.from(rows, (row) => places[row]), batchSize) }) };
    });
    return new RankingWatch(watched, batches, tokens.length);
  }

  /** Step at which the rate begins to fall; undefined: not yet decided by the ranking. */
  get decayFrom(): number | undefined {
    return this.#state.decayFrom ?? undefined;
  }

  /** After an outer step. @returns the correlation, where this step is one that is compared */
  look(done: number, program: BilevelProgram): number | undefined {
    const { stopAt: { every, rankCorrelation }, warmUpSteps } = this.of_;
    if (done % every !== 0) return undefined;
    const scores = new Float32Array(this.rows);
    this.batches.forEach(({ ids, features }, b) => {
      const some = program.rank({ ids, ...(features === undefined ? {} : { features }) });
      scores.set(some.subarray(0, Math.min(some.length, this.rows - b * some.length)), b * some.length);
    });
    const before = this.#before;
    this.#before = scores;
    if (before === undefined) return undefined;
    const correlation = spearman(Array.from(before), Array.from(scores));
    const counts = rankCorrelation < 1 && done - every >= warmUpSteps && correlation >= rankCorrelation;
    const still = counts ? this.#state.still + 1 : 0;
    this.#state = { still, decayFrom: this.#state.decayFrom ?? (still >= STILL ? done : null) };
    return Number.isNaN(correlation) ? 0 : correlation; // one score for all rows orders none
  }

  files(): CheckpointFiles {
    const { buffer, byteOffset, byteLength } = this.#before ?? new Float32Array(0);
    return { [RANKING_FILE]: new Uint8Array(buffer, byteOffset, byteLength), [STOP_FILE]: JSON.stringify(this.#state) };
  }

  /** As the checkpoint has it; as at the beginning without one. */
  async restore(from: StageContext['resume']): Promise<void> {
    this.#before = undefined;
    this.#state = { still: 0, decayFrom: null };
    if (from === undefined) return;
    this.#state = await readJson<StopState>(from.artifact, STOP_FILE);
    const bytes = Uint8Array.from(await readFile(await from.artifact.file(RANKING_FILE)));
    if (bytes.length > 0) this.#before = new Float32Array(bytes.buffer);
  }
}
