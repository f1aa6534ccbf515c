import type { MessagePort } from 'node:worker_threads';
import type { Fault } from '../fault.js';
import type { BatchRequest, TokenBatch } from './token-batch.js';
import type { ShardIndex } from './types.js';

/** What a feeder and its reader thread say to each other. Both are of one build, and nothing here leaves the process. This opens a port for one feeder. */
export interface OpenReader {
  readonly port: MessagePort;
  /** local path of each shard, by its name in the index */
  readonly files: Readonly<Record<string, string>>;
  readonly index: ShardIndex;
  /** n */
  readonly batchSize: number;
  readonly subset: Uint32Array | undefined;
}

export type ToReader = { readonly type: 'read'; readonly request: BatchRequest } | { readonly type: 'close' };

/** Answers come in the order of the requests. */
export type FromReader = { readonly type: 'batch'; readonly batch: TokenBatch } | { readonly type: 'failed'; readonly fault: Fault };
