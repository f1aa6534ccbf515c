import { ratio } from './held-out.js';
import { MersenneTwister } from './mersenne-twister.js';
import type { Item, MetricName, Task } from './tasks/index.js';

/** What a model says to a request. */
export interface Answer {
  /** of the whole continuation, in nats */
  readonly logLikelihood: number;
  /** every token of it is the most likely one */
  readonly isGreedy: boolean;
}

/** A metric of one item: 0 or 1 of acc and acc_norm; of perplexity the log-likelihood, which is averaged before the exponential. */
export type ItemMetrics = Readonly<Partial<Record<MetricName, number>>>;

export interface TaskMetric {
  readonly name: MetricName;
  readonly value: number;
  /** none of a single item */
  readonly standardError: number | null;
  readonly higherIsBetter: boolean;
}

/** Ties go to the first choice. @param answers one a request */
export function itemMetrics(task: Task, { requests, choice }: Item, answers: readonly Answer[]): ItemMetrics {
  if (answers.length !== requests.length) throw new RangeError(`${requests.length} requests have ${answers.length} answers`);
  const sums = answers.map(({ logLikelihood }) => logLikelihood);
  const of: Record<MetricName, () => number> = {
    acc: () => (choice === undefined ? Number(answers.every(({ isGreedy }) => isGreedy)) : Number(largest(sums) === choice.gold)),
    acc_norm: () => Number(largest(sums.map((sum, i) => sum / (choice?.lengths[i] ?? Number.NaN))) === choice?.gold),
    perplexity: () => sums[0],
  };
  return Object.fromEntries(task.metrics.map((name) => [name, of[name]()]));
}

/** Index of the first of the largest. */
function largest(values: readonly number[]): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** The harness' own number: 100 draws of 1,000 samples, each from a generator seeded by its turn. */
export const BOOTSTRAP_SAMPLES = 100_000;
const SAMPLES_A_SEED = 1_000;

/** Over all items; of at least one. @param bootstrapSamples for perplexity, rounded down to thousands */
export function taskMetrics(task: Task, items: readonly ItemMetrics[], bootstrapSamples = BOOTSTRAP_SAMPLES): TaskMetric[] {
  return task.metrics.map((name) => {
    const values = items.map((item) => item[name] ?? Number.NaN);
    const { mean, standardError } = ratio(values.map((sum) => ({ sum, count: 1 })));
    const known = values.length > 1;
    if (name !== 'perplexity') return { name, value: mean, standardError: known ? standardError : null, higherIsBetter: true };
    return { name, value: Math.exp(-mean), standardError: known ? bootstrap(values, bootstrapSamples) : null, higherIsBetter: false };
  });
}

/** Sample deviation of the perplexity of items drawn with replacement, drawn as Python's `random.choices` does. @param values log-likelihoods in nats */
function bootstrap(values: readonly number[], samples: number): number {
  const drawn = new Float64Array(Math.max(1, Math.floor(samples / SAMPLES_A_SEED)) * SAMPLES_A_SEED);
  for (let i = 0, random = new MersenneTwister(0); i < drawn.length; i++) {
    if (i % SAMPLES_A_SEED === 0) random = new MersenneTwister(i / SAMPLES_A_SEED);
    let sum = 0;
    for (let k = 0; k < values.length; k++) sum += values[Math.floor(random.uniform() * values.length)];
    drawn[i] = Math.exp(-sum / values.length);
  }
  const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  return Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (drawn.length - 1));
}
