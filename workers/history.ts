import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { temporal } from '@temporalio/proto';
import type { RunFolder } from '../lib/home.js';

type History = temporal.api.history.v1.IHistory;
type Execution = { readonly workflowId: string; readonly runId?: string };

/** File of the pipeline's own history; the others are named by stage. */
const PIPELINE = 'pipeline';

/**
 * Keeps the histories of a closed run and of its stages as JSON, so that they can be read and replayed when the server has forgotten them.
 * Children are found in the parent's history, not by a search, which lags. Histories of earlier executions of the same stage stay beside the new ones.
 * @returns the files written, sorted
 */
export async function saveHistories({ client, run, folder }: { readonly client: Client; readonly run: string; readonly folder: RunFolder }): Promise<readonly string[]> {
  mkdirSync(folder.history, { recursive: true });
  const found: { readonly stage: string; readonly runId: string; readonly text: string }[] = [];
  const waiting: Execution[] = [{ workflowId: run }];
  const seen = new Set<string>();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const history = await client.workflow.getHandle(next.workflowId, next.runId).fetchHistory();
    const { runId, continuedFrom } = origin(history);
    if (seen.has(runId)) continue;
    seen.add(runId);
    if (continuedFrom !== undefined) waiting.push({ workflowId: next.workflowId, runId: continuedFrom });
    waiting.push(...children(history));
    found.push({ stage: stageOf(run, next.workflowId), runId, text: historyToJSON(history) });
  }
  // the walk goes back in time
  return found.reverse().map((one) => keep({ folder, ...one })).sort();
}

const stageOf = (run: string, workflowId: string): string => (workflowId === run ? PIPELINE : workflowId.slice(run.length + 1).replaceAll('/', '.'));

function origin(history: History): { runId: string; continuedFrom: string | undefined } {
  const started = history.events?.[0]?.workflowExecutionStartedEventAttributes;
  const continuedFrom = started?.continuedExecutionRunId ?? '';
  return { runId: started?.originalExecutionRunId ?? '', continuedFrom: continuedFrom === '' ? undefined : continuedFrom };
}

function children(history: History): Execution[] {
  return (history.events ?? []).flatMap((event) => {
    const execution = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    const { workflowId, runId } = execution ?? {};
    return typeof workflowId === 'string' && typeof runId === 'string' ? [{ workflowId, runId }] : [];
  });
}

/** The first execution of a stage has the plain name, later ones their run id behind it: nothing is renamed, so that two who see the end at once do no harm. */
function keep({ folder, stage, runId, text }: { readonly folder: RunFolder; readonly stage: string; readonly runId: string; readonly text: string }): string {
  const plain = path.join(folder.history, `${stage}.json`);
  const first = existsSync(plain) ? RUN_ID.exec(readFileSync(plain, 'utf8'))?.[1] : runId;
  const file = first === runId ? plain : path.join(folder.history, `${stage}.${runId.slice(0, 8)}${runId.slice(-4)}.json`);
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file);
  return file;
}

const RUN_ID = /"originalExecutionRunId":\s*"([^"]+)"/;
