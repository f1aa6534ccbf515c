import path from 'node:path';
import type { ReportData } from './types.js';

/**
 * TensorBoard event files, one run a seed and arm (`<folder>/seed-0/bliss`), the shared warm-up as `seed-0/warm-up`.
 * They carry the time of writing: no part of any digest.
 */
export async function writeTensorboard({ folder, data }: { readonly folder: string; readonly data: Pick<ReportData, 'metrics' | 'tasks' | 'training' | 'bilevel'> }): Promise<void> {
  // TensorFlow takes a second to load: only who writes events pays for it
  const { tf } = await import('../tensor/tf.js');
  const writers = new Map<string, ReturnType<typeof tf.node.summaryFileWriter>>();
  const scalar = (run: readonly [seed: number, arm: string], tag: string, value: number, step: number): void => {
    const at = path.join(folder, `seed-${run[0]}`, run[1]);
    const writer = writers.get(at) ?? tf.node.summaryFileWriter(at);
    writers.set(at, writer);
    if (Number.isFinite(value)) writer.scalar(tag, value, step);
  };
  for (const { seed, arm, points } of data.training) for (const { step, loss } of points) scalar([seed, arm ?? 'warm-up'], 'training/loss', loss, step);
  for (const { seed, arm, heldOut = [] } of data.training) for (const { tokens, loss } of heldOut) scalar([seed, arm ?? 'warm-up'], 'held-out/loss-by-tokens', loss, tokens);
  for (const { seed, arm, round, points, ranks = [] } of data.bilevel) {
    for (const { step, correlation } of ranks) scalar([seed, arm], `bilevel/round-${round}/rank-correlation`, correlation, step);
    for (const point of points) {
      scalar([seed, arm], `bilevel/round-${round}/upper-loss`, point.upperLoss, point.step);
      scalar([seed, arm], `bilevel/round-${round}/lower-loss`, point.lowerLoss, point.step);
      scalar([seed, arm], `bilevel/round-${round}/hypergradient-norm`, point.hypergradientNorm, point.step);
      scalar([seed, arm], `bilevel/round-${round}/z-norm`, point.zNorm, point.step);
      scalar([seed, arm], `bilevel/round-${round}/z-cosine`, point.zCosine, point.step);
      scalar([seed, arm], `bilevel/round-${round}/relative-residual`, point.relativeResidual, point.step);
    }
  }
  for (const point of data.metrics) {
    for (const [name, key] of EVALUATED) scalar([point.seed, point.arm], `${point.set}/${name}`, point[key], point.round);
  }
  for (const { seed, arm, round, task, metric, value } of data.tasks ?? []) scalar([seed, arm], `${task}/${metric}`, value, round);
  for (const writer of writers.values()) writer.flush();
}

const EVALUATED: readonly (readonly [string, 'loss' | 'perplexity' | 'lastWordLoss' | 'lastWordAccuracy'])[] = [
  ['loss', 'loss'],
  ['perplexity', 'perplexity'],
  ['last-word-loss', 'lastWordLoss'],
  ['last-word-accuracy', 'lastWordAccuracy'],
];
