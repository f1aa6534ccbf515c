import { mkdirSync, rmSync } from 'node:fs';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import type { LoadedConfig } from '../../config/index.js';
import { fileBlobs, hold, KEPT, letGo, openStore, type Blobs } from '../../lib/artifacts/index.js';
import { counted } from '../../lib/counted.js';
import { BlissError } from '../../lib/errors.js';
import type { Home, RunFolder, RunRecord, StageProgressFile } from '../../lib/home.js';
import { serverFault } from '../../workers/server-fault.js';
import { planStages } from '../../workflows/plan.js';
import { BLISS_RUN } from '../../workflows/stage/index.js';
import { CPU_QUEUE, type PipelineInput } from '../../workflows/types.js';
import type { Taken } from '../fork/index.js';
import { claimRunFolder, writeJson, writeText } from '../runs.js';
import type { Session } from '../session.js';

const { TaskQueueType } = proto.temporal.api.enums.v1;

/** Workflow type of a run; its id is the run's name. */
const PIPELINE = 'pipeline';

/** The name that the run gets: the one asked for, else the configuration's with the first free number. @throws BlissError Usage */
export function claimName({ home, asked, base }: { readonly home: Home; readonly asked: string | undefined; readonly base: string }): string {
  if (asked !== undefined) {
    if (claimRunFolder(home, asked)) return asked;
    throw nameTaken(asked, home.runs);
  }
  for (let number = 1; ; number++) {
    // 63 characters are the most that a name may have
    const name = `${base.slice(0, 56)}-${number}`;
    if (claimRunFolder(home, name)) return name;
  }
}

export const nameTaken = (run: string, where: string): BlissError =>
  new BlissError({ code: 'Usage', message: `there is a run '${run}' already`, where, fix: `go on with it by \`bliss resume ${run}\`, or give another --name` });

export interface NewRun {
  readonly home: Home;
  /** folder claimed before */
  readonly run: string;
  readonly loaded: LoadedConfig;
  readonly fresh: boolean;
  /** what it takes over from another run */
  readonly taken?: Taken;
}

/** Writes what the run is made of into its folder, and has the store hold what it takes over. The record comes last: a folder without it is no run. */
export async function writeRun({ home, run, loaded, fresh, taken, server }: NewRun & { readonly server: Pick<RunRecord, 'server' | 'address' | 'namespace'> }): Promise<PipelineInput> {
  const folder = home.run(run);
  const blobs = fileBlobs({ root: home.store });
  await letGo({ blobs, run }); // of a run of that name whose folder was removed
  if (taken !== undefined) await holdTaken({ blobs, run, taken });
  const input: PipelineInput = { run, config: loaded.config, configFolder: loaded.configFolder, scope: fresh ? `${run}@${new Date().toISOString()}` : '', noise: 'arm', ...(taken === undefined ? {} : { known: taken.known, forked: taken.forked }) };
  writeText(folder.config, loaded.text);
  writeJson(folder.input, input);
  if (taken !== undefined) showTaken(folder, taken);
  const record: RunRecord = { run, workflowId: run, ...server, submittedAt: new Date().toISOString(), configDigest: loaded.digest };
  writeJson(folder.record, record);
  return input;
}

/** @throws BlissError ArtifactMissing where garbage was collected since they were looked up */
async function holdTaken({ blobs, run, taken: { known, forked } }: { readonly blobs: Blobs; readonly run: string; readonly taken: Taken }): Promise<void> {
  await hold({ blobs, run, stage: KEPT, ref: known });
  await openStore({ blobs }).open(known).catch((cause: unknown) => {
    throw new BlissError({ code: 'ArtifactMissing', message: `what ${forked.from} has finished was collected as garbage meanwhile`, where: known.uri, fix: 'fork again', cause });
  });
}

/** People see them beside those that the run goes through itself. */
function showTaken(folder: RunFolder, { stages, forked }: Taken): void {
  const now = new Date().toISOString();
  mkdirSync(folder.progressFolder, { recursive: true });
  for (const { stage } of stages) {
    const shown: StageProgressFile = { stage, state: 'cached', attempt: 0, step: 0, of: 0, metrics: {}, note: `of the run ${forked.from}`, startedAt: now, updatedAt: now };
    writeJson(folder.progress(stage), shown);
  }
}

/** @throws BlissError Usage if the server knows a run of that name; nothing is left behind then */
export async function submitNew({ session, ...newRun }: NewRun & { readonly session: Session }): Promise<void> {
  const { home, run } = newRun;
  try {
    const input = await writeRun({ ...newRun, server: serverOf(session) });
    await startPipeline({ session, input, again: false });
  } catch (error) {
    rmSync(home.run(run).root, { recursive: true, force: true });
    throw error;
  }
}

export const serverOf = ({ server }: Session): Pick<RunRecord, 'server' | 'address' | 'namespace'> => ({ server: server.kind, address: server.address, namespace: server.namespace });

/** @param again a closed execution of the same id may be followed by a new one */
export async function startPipeline({ session, input, again }: { readonly session: Session; readonly input: PipelineInput; readonly again: boolean }): Promise<void> {
  const { run, config } = input;
  const arms = config.comparison.arms.map((arm) => arm.name).join(' against ');
  try {
    await session.client.workflow.start(PIPELINE, {
      workflowId: run,
      taskQueue: CPU_QUEUE,
      args: [input],
      workflowIdReusePolicy: again ? 'ALLOW_DUPLICATE' : 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      typedSearchAttributes: [{ key: BLISS_RUN, value: run }],
      memo: { config: config.name, seeds: config.seeds, rounds: config.rounds, stages: planStages(config).length },
      staticSummary: `${arms}, ${counted(config.rounds, 'round')}, ${config.seeds.length === 1 ? 'seed' : 'seeds'} ${config.seeds.join(', ')}`,
      staticDetails: `A run of BLISS Pipeline: configuration **${config.name}**. Follow it with \`bliss status ${run} --follow\`; go on after a failure with \`bliss resume ${run}\`.`,
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) throw nameTaken(run, session.server.address);
    throw serverFault({ error, server: session.server }) ?? error;
  }
}

/** Queues that nobody works on: the run would wait in silence. */
export async function queuesWithoutWorker(session: Pick<Session, 'connection' | 'server'>, queues: readonly string[]): Promise<string[]> {
  const idle = await Promise.all(queues.map(async (name) => ((await lastPolls(session, name)).length === 0 ? [name] : [])));
  return idle.flat();
}

/** When each worker that the server remembers last asked for work, in milliseconds; it forgets one some five minutes after its end. */
export async function lastPolls({ connection, server }: Pick<Session, 'connection' | 'server'>, name: string): Promise<readonly number[]> {
  const taskQueueType = name === CPU_QUEUE ? TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW : TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY;
  const { pollers } = await connection.workflowService.describeTaskQueue({ namespace: server.namespace, taskQueue: { name }, taskQueueType });
  return (pollers ?? []).map(({ lastAccessTime }) => (lastAccessTime === null || lastAccessTime === undefined ? 0 : tsToMs(lastAccessTime)));
}
