import { loadConfig, type RunConfig } from '../../config/index.js';
import type { Ref } from '../../lib/artifacts/index.js';
import type { DataWait } from '../../lib/data/index.js';
import { createModel } from '../../lib/models/index.js';
import type { ProgramCache } from '../../lib/programs/index.js';
import type { StageInputs, StageName } from '../../lib/stages/index.js';
import { words } from './batches.js';
import { openCaller } from './stage-caller.js';
import { bilevelInput, prepareInput, scoringInput, trainingInput } from './stage-inputs.js';
import type { Subject, SubjectInput } from './subject.js';

export interface FeedingSpec {
  readonly stage: 'training' | 'bilevel' | 'scoring';
  /** settings beside those of the demo: `data.sequenceLength=1024` */
  readonly overrides: readonly string[];
  /** steps, or outer steps, of one repetition of the stage; `scoring` goes over its group */
  readonly steps: number;
  readonly seed: number;
}

/** a stage that reads no batches */
const NO_WAIT: DataWait = { seconds: 0, of: 0 };

/** what the clock says of one repetition */
interface StageTimes {
  /** of a step between the first and the last, where nothing is compiled or saved */
  readonly stepMilliseconds: number;
  /** from the stage's first batch on */
  readonly waitSeconds: number;
  readonly ofSeconds: number;
  /** the part of both that lies before the end of the first step: in a stage of a run compiling hides it */
  readonly firstWaitSeconds: number;
  readonly firstOfSeconds: number;
}

/**
 * A stage of the demo's corpus, whole: data from shards on the disk, as in a run. For `training` the same program is also called on
 * batches that are in memory already: what a step takes that waits for nothing.
 */
export async function feedingSubject({ folder, spec }: SubjectInput<FeedingSpec>): Promise<Subject> {
  const { config } = loadConfig({ source: 'demo', overrides: [...spec.overrides], cwd: folder });
  const stages = openStages(folder);
  const corpus = await stages.run('prepare', prepareInput(config, folder));
  const drawn = await stages.run('selection', { selector: 'random', fraction: 1, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: corpus.ref, group: 0, scores: [], seed: 'bench' });
  const training = (steps: number): StageInputs['training'] => trainingInput(config, drawn.ref, steps);
  const warm = await stages.run('training', training(2));
  const bilevel = (outerSteps: number): StageInputs['bilevel'] => bilevelInput(config, { corpus: corpus.ref, warm: warm.ref, outerSteps });

  if (spec.stage === 'training') {
    const bare = await bareTraining(config, stages.programs, spec.seed);
    return {
      step: async () => {
        const bareMilliseconds = bare(spec.steps);
        return { ...(await stages.run('training', training(spec.steps))).times, bareMilliseconds };
      },
    };
  }
  if (spec.stage === 'bilevel') return { step: async () => ({ ...(await stages.run('bilevel', bilevel(spec.steps))).times }) };
  const scorer = await stages.run('bilevel', bilevel(2));
  return { step: async () => ({ ...(await stages.run('scoring', scoringInput(config, corpus.ref, scorer.ref))).times }) };
}

/** Stages called as a trainer calls them, each repetition anew. */
function openStages(folder: string): { readonly programs: ProgramCache; run<Name extends StageName>(name: Name, input: StageInputs[Name]): Promise<{ readonly ref: Ref; readonly times: StageTimes }> } {
  const caller = openCaller(folder);
  return {
    programs: caller.programs,
    run: async (name, input) => {
      const waits: DataWait[] = [];
      const ends: number[] = [];
      const { ref } = await caller.call(name, input, {
        onProgress: async ({ dataWait }) => {
          ends.push(performance.now());
          if (dataWait !== undefined) waits.push(dataWait);
        },
      });
      const between = Math.max(1, ends.length - 1);
      const [first, last] = [waits[0] ?? NO_WAIT, waits.at(-1) ?? NO_WAIT];
      const stepMilliseconds = ((ends.at(-1) ?? 0) - (ends[0] ?? 0)) / between;
      return { ref, times: { stepMilliseconds, waitSeconds: last.seconds, ofSeconds: last.of, firstWaitSeconds: first.seconds, firstOfSeconds: first.of } };
    },
  };
}

/** @returns n steps ↦ milliseconds of one, the batches in memory */
async function bareTraining(config: RunConfig, programs: ProgramCache, seed: number): Promise<(steps: number) => number> {
  const { models, data, pretraining } = config;
  const program = await programs.training({
    model: models.target,
    vocabularySize: models.vocabularySize,
    sequenceLength: data.sequenceLength,
    batchSize: pretraining.batchSize,
    adam: pretraining.adam,
    gradientClip: pretraining.gradientClip,
    mode: config.runtime.compiler,
  });
  const params = createModel(models.target).init({ vocabularySize: models.vocabularySize, seed });
  const size = pretraining.batchSize * data.sequenceLength;
  const all = words({ purpose: 'feeding', size: 4 * size, vocabularySize: models.vocabularySize, seed });
  const batches = Array.from({ length: 4 }, (_, i) => all.slice(i * size, (i + 1) * size));
  return (steps) => {
    program.setState(program.fresh({ params })); // the stage has left its own
    program.step({ ids: batches[0], learningRate: 1e-4, update: 1 });
    const started = performance.now();
    for (let i = 1; i < steps; i++) program.step({ ids: batches[i % batches.length], learningRate: 1e-4, update: i + 1 });
    return (performance.now() - started) / (steps - 1);
  };
}
