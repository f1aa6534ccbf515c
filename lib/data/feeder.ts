import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import type { Artifact, LocalFile } from '../artifacts/types.js';
import { fromFault } from '../fault.js';
import type { FromReader, OpenReader, ShardFile, ToReader } from './reader-protocol.js';
import { giveBack, takeThread } from './reader-threads.js';
import type { BatchRequest, TokenBatch } from './token-batch.js';
import type { ShardIndex } from './types.js';
import type { WaitClock } from './wait-clock.js';

export interface OpenFeeder {
  readonly artifact: Pick<Artifact, 'file'> & Partial<Pick<Artifact, 'local'>>;
  readonly index: ShardIndex;
  /** n of every batch */
  readonly batchSize: number;
  /** restricts orders to these rows, ascending indices */
  readonly subset?: Uint32Array;
  /** batch after batch, taken as reading gets that far: may be endless */
  readonly requests: Iterable<BatchRequest>;
  /** counts what `next` waits */
  readonly clock: WaitClock;
  /** built JavaScript of another thread, for tests */
  readonly entry?: string;
}

/** Batches of a dataset in the order of the requests, read ahead. */
export interface Feeder {
  /**
   * The next batch. @throws what reading it threw (BlissError DataInvalid, DataCorrupt, …), now and not before;
   * RangeError after the last request; Error where the reading thread has ended
   */
  next(): Promise<TokenBatch>;
  /** Ends reading, wherever it is; resolves when the thread has closed its files. Idempotent, never throws. */
  close(): Promise<void>;
}

/** Read ahead at most so many batches: a row group (1,024 rows, 12 ms) or a slow disk is hidden behind as many steps, … */
const AHEAD_BATCHES = 16;
/** … and so many bytes of tokens, but two batches always. */
const AHEAD_BYTES = 32 * 2 ** 20;
/** A thread that reads from a disk that hangs is not waited for. */
const CLOSE_WITHIN_MS = 2_000;
const CLOSED = 'the feeder is closed';

/**
 * Has a thread read ahead. A compiled step holds up this thread's event loop from its beginning to its end, so that
 * nothing else of this thread can go on beside it; threads of their own do.
 *
 * Which rows a batch has follows from its request alone, so reading ahead changes no bit of a result.
 * A shard is checked when the first of its rows is read: a part of a group costs no reading of the rest.
 * @throws BlissError DataCorrupt where a shard is gone or of another size; what it holds is told by `next`
 */
export async function openFeeder({ artifact, index, batchSize, subset, requests, clock, entry }: OpenFeeder): Promise<Feeder> {
  const files: Record<string, ShardFile> = {};
  const notes = new Map<string, LocalFile>();
  for (const { file } of index.shards) {
    const local = await artifact.local?.(file);
    if (local !== undefined) notes.set(file, local);
    files[file] = local === undefined ? { path: await artifact.file(file), sha256: '', isChecked: true } : { path: local.path, sha256: local.sha256, isChecked: local.isChecked };
  }
  const { port1: port, port2 } = new MessageChannel();
  const opening: OpenReader = { port: port2, files, index, batchSize, subset };
  const thread = takeThread(entry);
  thread.postMessage(opening, [port2]);
  const tell = (message: ToReader): void => port.postMessage(message, []);

  const asked: Answer[] = [];
  const coming = requests[Symbol.iterator]();
  const ahead = Math.max(2, Math.min(AHEAD_BATCHES, Math.floor(AHEAD_BYTES / (4 * batchSize * index.sequenceLength))));
  /** of `asked`, those without an answer yet, oldest first */
  const open: Answer[] = [];
  let ended: Error | undefined;
  let closing: Promise<void> | undefined;

  const ask = (): void => {
    if (ended !== undefined) return;
    const { value, done } = coming.next();
    if (done === true) return;
    const answer = promised();
    asked.push(answer);
    open.push(answer);
    tell({ type: 'read', request: value });
  };
  const end = (reason: Error): void => {
    ended ??= reason;
    for (const answer of open.splice(0)) answer.reject(ended);
  };
  const hear = (message: FromReader): void => {
    if (message.type === 'checked') {
      notes.get(message.file)?.checked();
      return;
    }
    const answer = open.shift();
    if (message.type === 'batch') answer?.resolve(message.batch);
    else answer?.reject(fromFault(message.fault));
  };
  port.on('message', hear);
  /** What has come meanwhile, without a turn of the event loop, which would cost more than all else here. */
  const hearAll = (): void => {
    for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) hear(received.message as FromReader); // sent by our reader thread
  };
  let exited = false;
  let settle: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => (settle = resolve));
  const onError = (error: unknown): void => end(new Error(`the thread that reads the data failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error }));
  const onExit = (code: number): void => {
    exited = true;
    hearAll();
    end(new Error(closing === undefined ? `the thread that reads the data ended with code ${code}` : CLOSED));
    settle();
  };
  thread.on('error', onError);
  thread.on('exit', onExit);
  const close = async (): Promise<void> => {
    port.once('close', () => settle());
    tell({ type: 'close' });
    const timer = setTimeout(() => void thread.terminate(), CLOSE_WITHIN_MS);
    await gone;
    clearTimeout(timer);
    port.close();
    end(new Error(CLOSED));
    thread.off('error', onError);
    thread.off('exit', onExit);
    if (!exited) await giveBack(thread, entry);
  };
  for (let i = 0; i < ahead; i++) ask();

  return {
    next: () => {
      const answer = asked.shift();
      if (answer === undefined) return Promise.reject(ended ?? new RangeError('every batch that was asked for is read'));
      ask();
      return clock.during(() => {
        hearAll();
        return answer.batch;
      });
    },
    close: () => (closing ??= close()),
  };
}

interface Answer {
  readonly batch: Promise<TokenBatch>;
  resolve(batch: TokenBatch): void;
  reject(error: Error): void;
}

function promised(): Answer {
  let resolve: Answer['resolve'] = () => undefined;
  let reject: Answer['reject'] = () => undefined;
  const batch = new Promise<TokenBatch>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  batch.catch(() => undefined); // a batch that nobody comes to need may fail unheard
  return { batch, resolve, reject };
}
