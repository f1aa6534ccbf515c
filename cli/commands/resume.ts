import { rmSync } from 'node:fs';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { Command } from 'commander';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import type { PipelineInput } from '../../workflows/types.js';
import { ask, type Waiting, withPatience } from '../steer/index.js';
import { checkNotices } from '../inputs/index.js';
import { action } from '../command.js';
import { preemptionOf, serverOf, startPipeline, takeThrough } from '../submit/index.js';
import { readJson, readOutcome, requireRecord, writeJson, type RunOutcome } from '../runs.js';
import { settle, summarize } from '../follow/index.js';
import type { Session } from '../session.js';

export function addResume(program: Command): void {
  withPatience(program.command('resume'))
    .description('continue a run that was stopped, paused or cancelled, that failed and is fixed, or that ended without an evaluation; finished stages are not computed again')
    .argument('<run>', 'name of the run')
    .action(
      action(async ({ home, output, homeOption }, run: string, { patience }: { readonly patience: number }) => {
        requireRecord(home, run);
        const outcome = readOutcome(home.run(run));
        if (outcome?.state === 'done' && !endedEarly(outcome)) {
          output.note(`the run ${run} is done already`);
          return summarize({ home, run, outcome, output, homeOption });
        }
        const input = readInput(home, run);
        await checkNotices({ home, output, notices: input.config.notices, begun: true });
        return takeThrough({
          home,
          output,
          homeOption,
          preemption: preemptionOf(input),
          start: async (session) => {
            // workers of our own are there, and read a history of days first
            await goOn({ session, home, run, homeOption, patienceSeconds: session.stack === undefined ? patience : Math.max(patience, OWN_WORKERS_SECONDS) });
            return run;
          },
        });
      }),
    );
}

/** for the first word of workers that this command has started */
const OWN_WORKERS_SECONDS = 600;

/** What the run was started with. @throws BlissError ArtifactMissing */
function readInput(home: Home, run: string): PipelineInput {
  const folder = home.run(run);
  const input = readJson<PipelineInput>(folder.input);
  if (input !== undefined) return input;
  throw new BlissError({ code: 'ArtifactMissing', message: 'the run’s own input is gone, so it cannot be started again', where: folder.input, fix: `submit it again: bliss run ${folder.config}` });
}

/** An open run goes on by itself once its stack is up; one that ended without a result is started again under the same id. */
async function goOn({ home, ...waiting }: Waiting & { readonly home: Home }): Promise<void> {
  const { session, run } = waiting;
  const folder = home.run(run);
  const record = requireRecord(home, run);
  const settled = await settle({ session, home, run });
  const again = settled.kind === 'missing' || (settled.kind === 'closed' && (settled.outcome.state !== 'done' || endedEarly(settled.outcome)));
  if (again) {
    await leftoversEnded(session, run);
    const input = readInput(home, run);
    const { withEarlierCorpora } = await import('../submit/earlier-corpora.js'); // brings DuckDB: not for every command
    const known = await withEarlierCorpora({ home, input });
    // selections of before that input's `noise` was written are found only by the rule they were drawn by
    await startPipeline({ session, input: { ...input, noise: input.noise ?? 'shared', ...(known === undefined ? {} : { known }), ...(record.gpuHours === undefined ? {} : { gpuHours: record.gpuHours }) }, again: true });
    rmSync(folder.outcome, { force: true });
  }
  if (settled.kind === 'open' && settled.paused && !settled.spent) await ask({ ...waiting, update: 'resume', args: [] });
  writeJson(folder.record, { ...record, ...serverOf(session) });
}

/** by `bliss stop-after`: there are rounds left; or without a stage that has failed */
const endedEarly = ({ result }: RunOutcome): boolean => result?.stoppedAfterRound !== undefined || result?.failed !== undefined;

/** A stage that saves its checkpoint on cancellation; longer than that and it is stuck. */
const LEFTOVERS_TIMEOUT_MS = 60_000;

/** Stages of an execution that was terminated or cancelled go on until they have saved; their ids must be free for those of the next. */
async function leftoversEnded({ client }: Session, run: string): Promise<void> {
  const deadline = Date.now() + LEFTOVERS_TIMEOUT_MS;
  for (;;) {
    const open: WorkflowExecutionInfo[] = [];
    for await (const execution of client.workflow.list({ query: `WorkflowId STARTS_WITH "${run}/" AND ExecutionStatus = "Running"` })) open.push(execution);
    if (open.length === 0) return;
    if (Date.now() > deadline) {
      await Promise.all(open.map(({ workflowId, runId }) => client.workflow.getHandle(workflowId, runId).terminate('its pipeline has ended, and is started again').catch(() => undefined)));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
