import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Checkpoints, Store } from '../../artifacts/index.js';
import type { Blobs } from '../../artifacts/types.js';
import { fromFault } from '../../fault.js';
import { packageRoot } from '../../package-root.js';
import { type CheckpointFiles, movable } from '../contents/index.js';
import { saveCheckpoint, type Save, type SavingRules } from './save-checkpoint.js';
import type { FromSavingThread, SavingThreadData } from './saving-thread.js';

export interface OpenSaving {
  readonly store: Store;
  readonly blobs: Blobs;
  /** the stage's checkpoints */
  readonly series: Checkpoints;
  readonly of: Pick<SavingThreadData, 'run' | 'stage' | 'key'>;
  readonly rules: SavingRules;
}

/** Checkpoints of one attempt, saved one after the other beside its steps. */
export interface Saving {
  /**
   * Waits for the save before, takes over what a checkpoint holds, and returns while it is being saved.
   * @param files called once @param onSaved called when it is published; while it runs, the save is not over. @throws what an earlier save threw
   */
  begin(step: number, files: () => CheckpointFiles, onSaved: (bytes: number) => Promise<void>): Promise<void>;
  /** @throws what a save threw that was begun before */
  check(): void;
  /** Waits for the save that is under way. @throws what it, or an earlier one, threw: BlissError Fenced, DiskFull */
  settled(): Promise<void>;
  /** Waits, and ends the thread. Never throws. */
  close(): Promise<void>;
}

/** Built JavaScript also where this file runs from source, in tests: Node 20 loads no TypeScript. */
const ENTRY = path.join(packageRoot(), 'dist', 'lib', 'stages', 'execution', 'saving-thread.js');

/**
 * A compiled step holds up its thread's event loop from its beginning to its end, so that saving goes on beside it only on another
 * thread. Where no other thread can open the blobs, a save is over when `begin` returns.
 */
export function openSaving({ store, blobs, series, of, rules }: OpenSaving): Saving {
  const { folder } = blobs;
  let thread: SavingThread | undefined;
  let underWay: Promise<void> = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  const save = (what: Save): Promise<number> => {
    if (folder === undefined) return saveCheckpoint({ series, rules, save: what });
    thread ??= startThread({ blobs: folder, codeVersion: store.codeVersion, ...of, rules });
    return thread.save(what);
  };
  const check = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  const settled = async (): Promise<void> => {
    await underWay;
    check();
  };
  return {
    begin: async (step, files, onSaved) => {
      await settled();
      underWay = save({ step, files: files() }).then(onSaved).catch((error: unknown) => {
        failure = { error };
      });
      if (folder === undefined) await settled();
    },
    check,
    settled,
    close: async () => {
      await underWay;
      await thread?.close();
    },
  };
}

interface SavingThread {
  /** One at a time. @returns bytes */
  save(save: Save): Promise<number>;
  close(): Promise<void>;
}

function startThread(data: SavingThreadData): SavingThread {
  const thread = new Worker(ENTRY, { workerData: data });
  let waiting: { readonly resolve: (bytes: number) => void; readonly reject: (error: Error) => void } | undefined;
  let gone: Error | undefined;
  const end = (error: Error): void => {
    gone ??= error;
    waiting?.reject(gone);
  };
  thread.on('message', (answer: FromSavingThread) => {
    if (answer.type === 'saved') waiting?.resolve(answer.bytes);
    else waiting?.reject(fromFault(answer.fault));
  });
  thread.on('error', (error) => end(new Error(`the thread that saves checkpoints failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error })));
  thread.on('exit', (code) => end(new Error(`the thread that saves checkpoints ended with code ${code}`)));
  return {
    save: ({ step, files }) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        if (gone !== undefined) {
          reject(gone);
          return;
        }
        const moved = movable(files);
        thread.postMessage({ step, files: moved.files } satisfies Save, [...moved.memory]);
      }),
    close: async () => {
      await thread.terminate();
    },
  };
}
