import type { MessagePort } from 'node:worker_threads';
import type { LocalFile } from '../artifacts/types.js';
import type { Fault } from '../fault.js';
import type { BatchRequest, TokenBatch } from './token-batch.js';
import type { ShardIndex } from './types.js';

/** A file of a dataset. */
export type ShardFile = Pick<LocalFile, 'path' | 'sha256' | 'isChecked'>;

/** What a feeder and its reader thread say to each other. Both are of one build, and nothing here leaves the process. This opens a port for one feeder. */
export interface OpenReader {
  readonly port: MessagePort;
  /** each shard by its name in the index: where it lies, and what it must hold where nobody has checked that yet */
  readonly files: Readonly<Record<string, ShardFile>>;
  readonly index: ShardIndex;
  /** n */
  readonly batchSize: number;
  readonly subset: Uint32Array | undefined;
}

export type ToReader = { readonly type: 'read'; readonly request: BatchRequest } | { readonly type: 'close' };

/** Answers come in the order of the requests; a shard that was checked is told between them. */
export type FromReader = { readonly type: 'checked'; readonly file: string } | Answer;
export type Answer = { readonly type: 'batch'; readonly batch: TokenBatch } | { readonly type: 'failed'; readonly fault: Fault };
