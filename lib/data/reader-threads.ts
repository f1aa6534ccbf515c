import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { packageRoot } from '../package-root.js';

/**
 * Threads for feeders. One that did its work is kept for the next: starting one takes 70 ms, which a stage of a second would
 * wait for its first batch. An idle one does not hold the process.
 */
let idle: Worker | undefined;

/** Built JavaScript also where this file runs from source, in tests: Node 20 loads no TypeScript. */
const ENTRY = path.join(packageRoot(), 'dist', 'lib', 'data', 'reader-thread.js');

/** @param entry built JavaScript of another thread, which is never kept */
export function takeThread(entry: string | undefined): Worker {
  const kept = entry === undefined ? idle : undefined;
  if (kept === undefined) return started(entry ?? ENTRY);
  idle = undefined;
  kept.off('exit', forget);
  kept.ref();
  return kept;
}

/** Takes back a thread that runs and serves nobody. */
export async function giveBack(thread: Worker, entry: string | undefined): Promise<void> {
  if (entry !== undefined || idle !== undefined) {
    await thread.terminate();
    return;
  }
  idle = thread;
  thread.once('exit', forget);
  thread.unref();
}

/** Starts the thread that the first feeder will take, so that it comes up beside other things. */
export function startThread(): void {
  if (idle === undefined) void giveBack(takeThread(undefined), undefined);
}

function started(entry: string): Worker {
  const thread = new Worker(entry);
  thread.on('error', () => undefined); // its feeder hears it too; without one, its end is all that matters
  return thread;
}

function forget(): void {
  idle = undefined;
}
