import { parentPort, workerData } from 'node:worker_threads';
import { checkpoints, fileBlobs, openStore } from '../../artifacts/index.js';
import { toFault, type Fault } from '../../fault.js';
import { saveCheckpoint, type Save, type SavingRules } from './save-checkpoint.js';

/** What the thread is started with. */
export interface SavingThreadData {
  /** root of the blobs */
  readonly blobs: string;
  readonly codeVersion: string;
  readonly run: string;
  readonly stage: string;
  /** the stage's */
  readonly key: string;
  readonly rules: SavingRules;
}
/** One answer to each save, in order. */
export type FromSavingThread = { readonly type: 'saved'; readonly bytes: number } | { readonly type: 'failed'; readonly fault: Fault };

/**
 * The thread that saves the checkpoints of one attempt while the trainer's own thread goes on with its steps.
 * It must not load TensorFlow, whose library belongs to one thread of a process.
 */
const { blobs: root, codeVersion, rules, ...of } = workerData as SavingThreadData; // of our own making, and of one build
const blobs = fileBlobs({ root });
const series = checkpoints({ store: openStore({ blobs, codeVersion }), blobs, ...of });
const say = (message: FromSavingThread): void => parentPort?.postMessage(message, []);

parentPort?.on('message', (save: Save) => {
  saveCheckpoint({ series, rules, save }).then(
    (bytes) => say({ type: 'saved', bytes }),
    (error: unknown) => say({ type: 'failed', fault: toFault(error) }),
  );
});
