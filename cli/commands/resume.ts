import { rmSync } from 'node:fs';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { Command } from 'commander';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import type { PipelineInput } from '../../workflows/types.js';
import { action } from '../command.js';
import { readJson, readOutcome, requireRecord, writeJson } from '../runs.js';
import { settle } from '../settle.js';
import type { Session } from '../session.js';
import { serverOf, startPipeline } from '../submit.js';
import { summarize } from '../summary.js';
import { takeThrough } from '../take-through.js';

export function addResume(program: Command): void {
  program
    .command('resume')
    .description('go on with a run whose stack was stopped, or that failed or was cancelled; finished stages are not computed again')
    .argument('<run>', 'name of the run')
    .action(
      action(async ({ home, output, homeOption }, run: string) => {
        requireRecord(home, run);
        const outcome = readOutcome(home.run(run));
        if (outcome?.state === 'done') {
          output.note(`the run ${run} is done already`);
          return summarize({ home, run, outcome, output, homeOption });
        }
        return takeThrough({
          home,
          output,
          homeOption,
          start: async (session) => {
            await goOn({ session, home, run });
            return run;
          },
        });
      }),
    );
}

/** An open run goes on by itself once its stack is up; one that ended without a result is started again under the same id. */
async function goOn({ session, home, run }: { readonly session: Session; readonly home: Home; readonly run: string }): Promise<void> {
  const folder = home.run(run);
  const record = requireRecord(home, run);
  const settled = await settle({ session, home, run });
  const again = settled.kind === 'missing' || (settled.kind === 'closed' && settled.outcome.state !== 'done');
  if (again) {
    const input = readJson<PipelineInput>(folder.input);
    if (input === undefined) {
      throw new BlissError({ code: 'ArtifactMissing', message: 'the run’s own input is gone, so it cannot be started again', where: folder.input, mend: `submit it anew: bliss run ${folder.config}` });
    }
    await leftoversEnded(session, run);
    await startPipeline({ session, input, again: true });
    rmSync(folder.outcome, { force: true });
  }
  writeJson(folder.record, { ...record, ...serverOf(session) });
}

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
