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
 * Children are found in the parent's history, not by a search, which lags. A history of an earlier execution of the same stage stays beside the new one.
 * @returns the files written, sorted
 */
export async function saveHistories({ client, run, folder }: { readonly client: Client; readonly run: string; readonly folder: RunFolder }): Promise<readonly string[]> {
  mkdirSync(folder.history, { recursive: true });
  const written: string[] = [];
  const waiting: Execution[] = [{ workflowId: run }];
  const seen = new Set<string>();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const history = await client.workflow.getHandle(next.workflowId, next.runId).fetchHistory();
    const { runId, continuedFrom } = origin(history);
    if (seen.has(runId)) continue;
    seen.add(runId);
    if (continuedFrom !== undefined) waiting.push({ workflowId: next.workflowId, runId: continuedFrom });
    waiting.push(...children(history));
    written.push(keep({ folder, stage: stageOf(run, next.workflowId), runId, text: historyToJSON(history), continued: written.length > 0 && next.workflowId === run }));
  }
  return written.sort();
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

function keep({ folder, stage, runId, text, continued }: { readonly folder: RunFolder; readonly stage: string; readonly runId: string; readonly text: string; readonly continued: boolean }): string {
  const named = (id: string): string => path.join(folder.history, `${stage}.${id.slice(0, 8)}.json`);
  const latest = path.join(folder.history, `${stage}.json`);
  const file = continued ? named(runId) : latest;
  if (!continued && existsSync(latest)) {
    const before = /"originalExecutionRunId":\s*"([^"]+)"/.exec(readFileSync(latest, 'utf8'))?.[1];
    if (before !== undefined && before !== runId) renameSync(latest, named(before));
  }
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
  return file;
}
