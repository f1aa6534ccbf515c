import { mkdirSync } from 'node:fs';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';
import { inTemporalTerms } from '../../activities/in-temporal-terms.js';
import { createFinishedStagesActivities, createNoticeActivities, type StageOutcome, type StageRequest } from '../../activities/index.js';
import { digestJson, fileBlobs, openStore } from '../../lib/artifacts/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import type { Home } from '../../lib/home.js';
import { readFinishedStages } from '../../lib/stages/finished-stages.js';
import type { ReportInput, StageName } from '../../lib/stages/types.js';
import { localServer } from '../../workers/connection.js';
import { ensureSearchAttributes } from '../../workers/namespace.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { runSeed } from '../../workflows/seed.js';
import { CONTROL_QUEUE, CPU_QUEUE, GPU_QUEUE, type PipelineInput } from '../../workflows/types.js';

/*
 * Runs whose stages do nothing heavy, on a real server: what a stage gives depends on all that it was given, so that the workflows can be held
 * against the same stages called one after the other.
 */

/** A server with our search attributes, for one file of tests. */
export async function startServer(): Promise<TestWorkflowEnvironment> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const environment = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: requireTemporalBinary().file } } });
  await ensureSearchAttributes({ connection: environment.connection, server: localServer({ address: environment.address, namespace: 'default' }) });
  return environment;
}

/** A stage and the digest of what it gave. */
export interface Made {
  readonly stage: string;
  readonly digest: string;
}

const light = (rounds: number, shards = 1) => (name: StageName, input: unknown): { readonly ref: Ref; readonly summary: Record<string, unknown>; readonly cached: boolean } => {
  const digest = digestJson({ name, input });
  return { ref: { uri: `store:artifacts/${digest}/manifest.json`, sha256: digest, size: 1, digest }, summary: name === 'prepare' ? { shards: new Array<number>(rounds + 1).fill(shards) } : {}, cached: false };
};

/** Workers of all queues, with workflows of this version or of another one. */
export class LightWorkers {
  /** what the report was handed */
  reported: readonly Made[] = [];
  private running: readonly { readonly worker: Worker; readonly ended: Promise<void> }[] = [];

  constructor(
    private readonly options: { readonly connection: NativeConnection; readonly home: Home; readonly input: PipelineInput; /** before each stage that computes */ /** of a group. @default 1 */ readonly shards?: number; readonly before?: (stage: string) => Promise<void>; /** on the control queue beside its own, or in their place */ readonly control?: Readonly<Record<string, (...input: never[]) => Promise<unknown>>> },
  ) {
    mkdirSync(options.home.run(options.input.run).root, { recursive: true });
  }

  async start(workflowBundle: WorkflowBundleOption): Promise<void> {
    const { connection, home, input, shards, before = async () => undefined, control = {} } = this.options;
    const store = openStore({ blobs: fileBlobs({ root: home.store }) });
    const give = light(input.config.rounds, shards);
    const stage = <Name extends StageName>(name: Name) => async (request: StageRequest<Name>): Promise<StageOutcome> => {
      await before(request.stage);
      return give(name, request.input);
    };
    const writeReport = async ({ input: { stages } }: { readonly input: ReportInput }): Promise<StageOutcome> => {
      const list = 'uri' in stages ? await readFinishedStages({ store, ref: stages }) : stages;
      this.reported = list.map(({ stage: at, results: [{ ref }] }) => ({ stage: at, digest: ref.digest }));
      return { ...give('report', {}), summary: { digests: {}, metrics: [] } };
    };
    const on = (taskQueue: string, activities: object, bundle?: WorkflowBundleOption): Promise<Worker> => Worker.create({ connection, taskQueue, activities, ...(bundle === undefined ? {} : { workflowBundle: bundle }) });
    const workers = await Promise.all([
      on(CPU_QUEUE, { prepareCorpus: stage('prepare'), selectRows: stage('selection'), writeReport }, workflowBundle),
      on(GPU_QUEUE, { train: stage('training'), learnScores: stage('bilevel'), scoreShards: stage('scoring'), evaluate: stage('evaluation') }),
      on(CONTROL_QUEUE, { claimEpoch: async () => 1, presentRun: async () => undefined, ...createFinishedStagesActivities({ store, home }), ...inTemporalTerms(createNoticeActivities({ environment: {} })), ...control }),
    ]);
    this.running = workers.map((worker) => ({ worker, ended: worker.run() }));
  }

  async stop(): Promise<void> {
    for (const { worker } of this.running) worker.shutdown();
    await Promise.all(this.running.map(({ ended }) => ended));
  }
}

/** The same stages called without a server, in canonical order: an independent account of what builds on what. */
export async function oneAfterTheOther(input: PipelineInput): Promise<Made[]> {
  const made: Made[] = [];
  const give = light(input.config.rounds);
  const runOne = async ({ name, place, input: { input: given, ...of } }: { readonly name: StageName; readonly place: { readonly stage: string }; readonly input: { readonly input: object; readonly shards?: number } }) => {
    const result = give(name, name === 'scoring' ? { ...given, shards: { first: 0, end: of.shards } } : given);
    made.push({ stage: place.stage, digest: result.ref.digest });
    return result;
  };
  await runSeed({
    board: { runOne, run: async (stage: Parameters<typeof runOne>[0]) => [await runOne(stage)], lastRound: input.config.rounds, mayBeginRound: () => true } as never, // all that a seed asks of its board
    together: { all: (tasks) => Promise.all(tasks.map((task) => task())), branches: () => ({ run: (branch) => branch(), cancel: () => undefined }), resolveSelection: () => Promise.reject(new Error('not asked for')), checkTasks: () => undefined, endsAtFailure: () => true, hasNoiseOfArm: () => true },
    input,
    seed: 0,
  });
  const ends = ['prepare', 'warm-up/selection', 'warm-up/proxy', 'warm-up/target', 'bilevel', 'scoring', 'selection', 'pretraining', 'decay', 'evaluation'];
  const arms = input.config.comparison.arms.map(({ name }) => name);
  const order = ({ stage }: Made): number => arms.findIndex((arm) => stage.includes(`/${arm}/`)) * 1e6 + Number(/round-(\d+)/.exec(stage)?.[1] ?? 0) * 10 + ends.findIndex((end) => stage.endsWith(end));
  return made.sort((a, b) => order(a) - order(b));
}
