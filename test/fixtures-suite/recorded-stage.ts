import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig, type RunConfig } from '../../config/index.js';
import { fileBlobs, openStore, type Ref, type Store } from '../../lib/artifacts/index.js';
import { writeTokenShards, type CorpusIndex } from '../../lib/data/index.js';
import { writeHeldOut } from '../../lib/data/held-out.js';
import { batchOrder } from '../../lib/data/order.js';
import type { Passage } from '../../lib/data/passage.js';
import { createModel, createScoreModel, writeSafetensors } from '../../lib/models/index.js';
import { ProgramCache, type BilevelProgram } from '../../lib/programs/index.js';
import { permutation } from '../../lib/random.js';
import { executeStage, stageByName } from '../../lib/stages/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { recordInputs, resultOf } from '../workflows/recorded-inputs.js';
import type { Mode } from './modes.js';
import { recordedSteps } from './recorded-program.js';
import type { Recording, Weights } from './recording.js';

/** Round 2 is the first that takes over a score model, as the recorded one is. */
const STAGE = 'seed-0/bliss/round-2/bilevel';

export interface InnerCall {
  readonly given: Parameters<BilevelProgram['innerStep']>[0];
  readonly outputs: ReturnType<BilevelProgram['innerStep']>;
  /** all state after it */
  readonly state: NamedArrays;
}
export interface OuterCall {
  readonly given: Parameters<BilevelProgram['outerStep']>[0];
  readonly outputs: ReturnType<BilevelProgram['outerStep']>;
  readonly state: NamedArrays;
}
export interface OuterStepCalls {
  readonly inner: readonly InnerCall[];
  readonly outer: OuterCall;
}

/**
 * The configuration of a run that a recording could be a part of. What `parity: release` decides is left to it, or to `overrides`, as
 * `--set` takes them.
 */
export function configOf({ hyper, model, trainBatches, steps }: Recording, parity: 'release' | 'none', overrides: readonly string[] = []): RunConfig {
  const [[{ val }]] = [steps.float64 ?? steps.float32 ?? []];
  const rows = trainBatches.flat().length;
  const adam = { beta1: hyper.beta1, beta2: hyper.beta2, weightDecay: hyper.weightDecay };
  const neox = { architecture: 'gpt-neox', layers: model.layers, width: model.width, heads: model.heads, rotaryFraction: model.rotaryDims / (model.width / model.heads), layerNormEpsilon: model.layerNormEps };
  const file = {
    name: 'recorded',
    parity,
    rounds: 2,
    data: { sources: [{ type: 'demo' }], sequenceLength: trainBatches[0][0].length, rowsPerGroup: rows, rowsPerShard: rows },
    tokenizer: { type: 'file', path: 'tokenizer.json' },
    heldOut: { source: { type: 'demo' }, validation: 64, tuning: 1, test: 1 },
    models: { vocabularySize: model.vocab, proxy: neox, target: neox },
    warmUp: { steps: 1, batchSize: 1, warmUpSteps: 0 },
    bilevel: {
      outerSteps: hyper.scheduleTotalSteps,
      innerSteps: hyper.innerSteps,
      batchSize: trainBatches[0].length,
      validationBatchSize: val.inputIds.length,
      validationLoss: 'last-word',
      warmUpFraction: hyper.scheduleWarmupSteps / hyper.scheduleTotalSteps,
      klWeight: hyper.gamma,
      l2Weight: hyper.lambda,
      proxy: { peakLearningRate: hyper.lrProxy, adam: { ...adam, epsilon: hyper.adamEps }, gradientClip: hyper.gradClip },
      score: { peakLearningRate: hyper.lrScore, adam, hypergradientClip: hyper.gradClip },
      solver: { learningRate: hyper.lrZ, damping: hyper.delta, residualClip: hyper.gradClip },
    },
    selection: { fraction: 1 },
    pretraining: { steps: 1, batchSize: 1, warmUpSteps: 0 },
  };
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-recorded-'));
  try {
    writeFileSync(path.join(folder, 'run.yaml'), JSON.stringify(file)); // JSON is YAML
    return loadConfig({ source: 'run.yaml', overrides, cwd: folder }).config;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface RunStage {
  readonly recording: Recording;
  readonly weights: Weights;
  readonly config: RunConfig;
  readonly mode: Mode;
  /** all by default */
  readonly logitsAtOnce?: number;
}

/**
 * The bilevel stage of a run on a recording's data: its input as the run's workflow hands it over, rows and validation examples where the
 * stage's cursors find them. It is stopped after the recorded outer steps. What the stage asked of its program and what that came to.
 */
export async function runStage({ recording, weights, config, mode, logitsAtOnce }: RunStage): Promise<readonly OuterStepCalls[]> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-recorded-'));
  const blobs = fileBlobs({ root: path.join(root, 'store') });
  const store = openStore({ blobs });
  const programs = new WatchedPrograms({ mode, logitsAtOnce });
  try {
    const { models } = config;
    const proxy = createModel(models.proxy);
    const refs: Record<string, Ref> = {
      'seed-0/prepare': await publishCorpus({ store, root, recording, config, seed: '0/round-2' }),
      'seed-0/warm-up/proxy': await publishWeights({ store, root, name: 'weights', arrays: weights.proxy.arrays, shapes: proxy.shapes(models.vocabularySize) }),
      'seed-0/warm-up/target': await publishWeights({ store, root, name: 'target', arrays: weights.target.arrays, shapes: createModel(models.target).shapes(models.vocabularySize), file: 'weights' }),
      'seed-0/bliss/round-1/bilevel': await publishWeights({ store, root, name: 'score', arrays: weights.score.arrays, shapes: createScoreModel(proxy).shapes(models.vocabularySize) }),
    };
    refs['seed-0/bliss/round-1/pretraining'] = refs['seed-0/warm-up/target'];
    const input = (await recordInputs({ config, refOf: (stage) => refs[stage] ?? resultOf(stage) })).of('bilevel', STAGE);
    const steps = recordedSteps(recording).length;
    let done = 0;
    await executeStage({
      stage: stageByName('bilevel'),
      task: { name: 'bilevel', run: 'recorded', stage: STAGE, input, fencingToken: { epoch: 1, attempt: 1 }, scope: '', keepCheckpoints: 1 },
      store,
      blobs,
      programs,
      scratch: path.join(root, 'scratch'),
      hooks: {
        onProgress: async ({ step }) => void (done = step),
        onPhase: async () => undefined,
        onCheckpoint: async () => undefined,
        onEvent: () => undefined,
        onNote: () => undefined,
        onSetAside: () => undefined,
        onMetrics: async () => undefined,
        timings: async () => [],
        stopReason: () => (done >= steps ? 'the recording ends' : undefined),
      },
    }).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'Stopped')) throw error;
    });
    return programs.steps;
  } finally {
    await programs.clear();
    rmSync(root, { recursive: true });
  }
}

/** Notes what a stage asks of its bilevel program. */
class WatchedPrograms extends ProgramCache {
  readonly steps: OuterStepCalls[] = [];

  constructor(private readonly settings: Pick<RunStage, 'mode' | 'logitsAtOnce'>) {
    super();
  }

  override async bilevel(spec: Parameters<ProgramCache['bilevel']>[0]): Promise<BilevelProgram> {
    const program = await super.bilevel({ ...spec, ...this.settings });
    let inner: InnerCall[] = [];
    return {
      ...program,
      innerStep: (given) => {
        const outputs = program.innerStep(given);
        inner.push({ given, outputs, state: program.getState() });
        return outputs;
      },
      outerStep: (given) => {
        const outputs = program.outerStep(given);
        this.steps.push({ inner, outer: { given, outputs, state: program.getState() } });
        inner = [];
        return outputs;
      },
    };
  }
}

interface PublishCorpus {
  readonly store: Store;
  readonly root: string;
  readonly recording: Recording;
  readonly config: RunConfig;
  /** the stage's */
  readonly seed: string;
}

/** A corpus of which group 2 gives the recorded minibatches in turn to a cursor over all of its rows, and so the validation set to its own. */
async function publishCorpus({ store, root, recording, config, seed }: PublishCorpus): Promise<Ref> {
  const folder = path.join(root, 'corpus');
  mkdirSync(path.join(folder, 'held-out'), { recursive: true });
  const { sequenceLength } = config.data;
  const { vocabularySize } = config.models;
  const recorded = recording.trainBatches.flat();
  const order = batchOrder({ groups: [{ start: 0, rows: recorded.length }], seed: `${seed}/rows`, part: undefined, subset: undefined }).take(0, recorded.length);
  const rows = new Array<readonly number[]>(recorded.length);
  order.forEach(({ row }, position) => (rows[row] = recorded[position]));
  const shards = await writeTokenShards({
    folder,
    prefix: 'group-002',
    rows: rows.map((tokens, i) => ({ id: `row-${String(i).padStart(3, '0')}`, source: 'recorded', tokens: Int32Array.from(tokens) })),
    count: rows.length,
    sequenceLength,
    vocabularySize,
    rowsPerShard: rows.length,
  });

  const examples = recordedSteps(recording).flatMap(({ val }) =>
    val.labels.map((labels, i): Pick<Passage, 'tokens' | 'targetStart'> => {
      const length = labels.findLastIndex((label) => label !== -1) + 1;
      const targetStart = labels.findIndex((label) => label !== -1);
      if (labels.slice(targetStart, length).includes(-1)) throw new RangeError('the targets of a recorded example are not its last tokens');
      return { tokens: val.inputIds[i].slice(0, length), targetStart };
    }),
  );
  const passages = new Array<Passage>(examples.length);
  permutation(examples.length, seed, 'validation', 0).forEach((place, i) => (passages[place] = { id: `example-${place}`, ...examples[i] }));
  const file = 'held-out/validation.parquet';
  await writeHeldOut(path.join(folder, file), passages, vocabularySize, createHash('sha256'));
  const set = { file, examples: passages.length, documents: passages.length };
  const index: CorpusIndex = { vocabularySize, sequenceLength, groups: [shards.index, shards.index, shards.index], heldOut: { validation: set, tuning: set, test: set }, sources: [], tokenizer: { file: 'tokenizer.json', sha256: '' } };
  writeFileSync(path.join(folder, 'corpus.json'), JSON.stringify(index));
  return store.publish({ kind: 'corpus', folder, digest: shards.digest, lineage: { stage: 'prepare', stageVersion: 1, inputs: {} }, summary: {} });
}

interface PublishWeights {
  readonly store: Store;
  readonly root: string;
  readonly name: string;
  readonly arrays: NamedArrays;
  readonly shapes: Parameters<typeof writeSafetensors>[0]['shapes'];
  /** @default name */
  readonly file?: string;
}

async function publishWeights({ store, root, name, arrays, shapes, file = name }: PublishWeights): Promise<Ref> {
  const folder = path.join(root, name);
  mkdirSync(folder);
  await writeSafetensors({ path: path.join(folder, `${file}.safetensors`), arrays, shapes });
  return store.publish({ kind: 'state', folder, digest: name, lineage: { stage: 'training', stageVersion: 1, inputs: {} }, summary: {} });
}
