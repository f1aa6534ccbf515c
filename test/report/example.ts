import { createHash } from 'node:crypto';
import type { EvaluationPoint, LineageEntry, ReportData } from '../../lib/report/index.js';
import { randomStream } from '../../lib/random.js';

const hex = (text: string): string => createHash('sha256').update(text).digest('hex');
const SOURCES = ['books', 'speeches', 'e-mail', 'spam', 'shuffled', 'boilerplate'] as const;
const CORPUS_SHARE = [0.2, 0.2, 0.15, 0.2, 0.15, 0.1];
const SELECTED_SHARE = [0.55, 0.12, 0.01, 0.01, 0.28, 0.03];
const ROWS = 4096;
const SELECTED = 819;
const STEPS = 750;

export interface ExampleOptions {
  readonly seeds?: readonly number[];
  /** loss of random minus loss of bliss, by seed */
  readonly gain?: (seed: number) => number;
  readonly text?: string;
}

/** A run of the demo's shape: two arms, two rounds, six sources. Numbers are invented, and no two alike. */
export function exampleReport({ seeds = [0, 1, 2, 3, 4], gain = (seed) => 0.12 + 0.03 * Math.sin(seed), text }: ExampleOptions = {}): ReportData {
  const arms = [{ name: 'bliss', selector: 'bliss' }, { name: 'random', selector: 'random' }];
  const rounds = [1, 2];
  const each = <T>(make: (seed: number, arm: string, round: number) => T): T[] => seeds.flatMap((seed) => arms.flatMap(({ name }) => rounds.map((round) => make(seed, name, round))));
  return {
    run: 'demo',
    configYaml: `name: demo\nseeds: [${seeds.join(', ')}]\nrounds: 2 # two & no more\n`,
    arms,
    metrics: each((seed, arm, round): EvaluationPoint => {
      const random = randomStream('metrics', seed, arm, round);
      const base = 5.35 - 0.2 * round + 0.03 * Math.cos(seed);
      const loss = arm === 'random' ? base : base - gain(seed) * (round / 2);
      return { seed, arm, round, set: 'test', loss, lossStandardError: 0.02 + 0.002 * random.uniform(), perplexity: Math.exp(loss), lastWordLoss: loss + 0.4, lastWordAccuracy: 0.09 + (arm === 'random' ? 0 : 0.02) + 0.01 * random.uniform(), lastWordAccuracyStandardError: 0.008 };
    }),
    training: [
      ...seeds.map((seed) => ({ seed, arm: null, points: curve(0, 250, (step) => 4.9 + 2.7 * Math.exp(-step / 60), `warm-up/${seed}`) })),
      ...seeds.flatMap((seed) => arms.map(({ name }) => ({ seed, arm: name, points: curve(250, STEPS, (step) => (name === 'bliss' ? 4.55 : 4.75) + 0.3 * Math.exp(-(step - 250) / 150), `${name}/${seed}`) }))),
    ],
    bilevel: seeds.flatMap((seed) => rounds.map((round) => {
      const random = randomStream('bilevel', seed, round);
      const ranks = [30, 60, 90, 120].map((step) => ({ step, correlation: 1 - Math.exp(-step / 40) * (0.8 + 0.1 * random.uniform()) }));
      return { seed, arm: 'bliss', round, ranks, points: Array.from({ length: 120 }, (_, step) => ({ step, upperLoss: 5.2 - 0.002 * step + 0.05 * random.normal(), lowerLoss: 4.9 - 0.001 * step + 0.05 * random.normal(), hypergradientNorm: 3e-4 * Math.exp(0.4 * random.normal()), zNorm: 0.2 + 0.05 * random.uniform(), zCosine: step === 0 ? 0 : 0.7 + 0.2 * random.uniform(), relativeResidual: 0.9 + 0.05 * random.uniform() })) };
    })),
    stopsAt: 0.95,
    separations: seeds.flatMap((seed) => rounds.map((round) => {
      const random = randomStream('separations', seed, round);
      const over = SOURCES.map((_, i) => SOURCES.map((__, j) => (i === j ? null : 0.5 + (0.08 + 0.004 * random.uniform()) * (j - i))));
      return { seed, arm: 'bliss', round, spread: 0.6 + 0.1 * random.uniform(), sources: SOURCES.map((source, i) => ({ source, rows: Math.round(ROWS * CORPUS_SHARE[i]) + seed, over: over[i], overRest: 0.8 - 0.1 * i + 0.01 * random.uniform(), spread: 0.5 + 0.1 * random.uniform() })) };
    })),
    selections: each((seed, arm, round) => {
      const share = SOURCES.map((_, i) => (arm === 'random' ? CORPUS_SHARE[i] : SELECTED_SHARE[i]) * (1 + 0.1 * Math.sin(seed + i)));
      const total = share.reduce((a, b) => a + b, 0);
      const sources = SOURCES.map((source, i) => ({ source, rows: Math.round(ROWS * CORPUS_SHARE[i]) + seed, selectedRows: Math.round((SELECTED * share[i]) / total) }));
      const edges = Array.from({ length: 33 }, (_, i) => -8 + i / 2);
      const histogram = {
        edges,
        threshold: 1.37 + seed / 100,
        counts: SOURCES.map((source, i) => ({ source, counts: edges.slice(1).map((high) => Math.round(300 * Math.exp(-((high - (2.5 - i * 1.3)) ** 2) / 3))) })),
      };
      return {
        seed, arm, round, rows: ROWS, selectedRows: SELECTED, sources,
        ...(arm === 'random' ? {} : { histogram }),
        precision: { targetSources: ['books'], all: sources[0].selectedRows / SELECTED, withoutTrainedRows: sources[0].selectedRows / SELECTED - 0.031, trainedRowsSelected: arm === 'random' ? 0 : 211 + seed },
      };
    }),
    samples: seeds.slice(0, 2).flatMap((seed) => (['top', 'border', 'bottom'] as const).map((place, p) => ({
      seed, arm: 'bliss', round: 2, place,
      samples: [0, 1, 2].map((i) => ({
        id: `${SOURCES[p * 2]}/${seed}-${i}`, source: SOURCES[p * 2], score: 6.123 - 3 * p - i / 10, selected: p === 0 || i === 0, trainedScorer: i === 1,
        text: text ?? (p === 2 ? 'CLICK HERE!!! free free free http://example.invalid/x unsubscribe '.repeat(6) : 'the whale rolled once, and the boat that had lain so long alongside was gone; no man spoke, for there was nothing that a man could say. '.repeat(4)),
      })),
    }))),
    timings: seeds.flatMap((seed) => [
      { stage: `seed-${seed}/prepare`, seconds: 12.4, attempts: 1, cached: seed > 0 },
      { stage: `seed-${seed}/warm-up/proxy`, seconds: 40.5, attempts: 1, cached: false, dataWait: { seconds: 0.0787, of: 38.4 } },
      ...rounds.flatMap((round) => [
        { stage: `seed-${seed}/bliss/round-${round}/bilevel`, seconds: 88.25 + seed, attempts: seed === 1 ? 3 : 1, cached: false },
        { stage: `seed-${seed}/bliss/round-${round}/scoring`, seconds: 15.75, attempts: 1, cached: false },
        { stage: `seed-${seed}/bliss/round-${round}/pretraining`, seconds: 42.1, attempts: 1, cached: false },
        { stage: `seed-${seed}/random/round-${round}/pretraining`, seconds: 41.9, attempts: 1, cached: false },
      ]),
    ]),
    lineage: seeds.flatMap((seed): LineageEntry[] => [
      { stage: `seed-${seed}/prepare`, kind: 'corpus', digest: hex(`corpus ${seed}`), sha256: hex(`manifest of corpus ${seed}`), size: 12_345_678, codeVersion: '0.1.0+2dad00c', inputs: {} },
      { stage: `seed-${seed}/bliss/round-1/scoring`, kind: 'scores', digest: hex(`scores ${seed}`), sha256: hex(`manifest of scores ${seed}`), size: 65_432, codeVersion: '0.1.0+2dad00c', inputs: { corpus: hex(`corpus ${seed}`), scorer: hex('elsewhere') } },
    ]),
    digests: { weights: hex('weights'), scores: hex('scores'), selection: hex('selection'), metrics: hex('metrics') },
    environment: { Node: '20.20.0', TensorFlow: '2.18.0', device: 'CPU, AVX-512', XLA: true, 'numerics fingerprint': hex('fingerprint'), 'fingerprint changed': null },
  };
}

function curve(from: number, to: number, shape: (step: number) => number, key: string): { step: number; loss: number }[] {
  const random = randomStream('curve', key);
  return Array.from({ length: to - from }, (_, i) => ({ step: from + i + 1, loss: shape(from + i) + 0.08 * random.normal() }));
}
