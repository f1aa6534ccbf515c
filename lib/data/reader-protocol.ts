import type { MessagePort } from 'node:worker_threads';
import { BlissError, type BlissErrorInput } from '../errors.js';
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

/** An error as plain data: cloned between threads it would lose its class and its code. */
export type Fault =
  | { readonly kind: 'ours'; readonly input: Omit<BlissErrorInput, 'cause'> }
  | { readonly kind: 'other'; readonly name: string; readonly message: string; readonly code: string | undefined; readonly stack: string | undefined };

export function toFault(error: unknown): Fault {
  if (error instanceof BlissError) return { kind: 'ours', input: { code: error.code, message: error.bare, where: error.where, mend: error.mend } };
  if (!(error instanceof Error)) return { kind: 'other', name: 'Error', message: String(error), code: undefined, stack: undefined };
  return { kind: 'other', name: error.name, message: error.message, code: 'code' in error ? String(error.code) : undefined, stack: error.stack };
}

export function fromFault(fault: Fault): Error {
  if (fault.kind === 'ours') return new BlissError(fault.input);
  const { name, message, code, stack } = fault;
  return Object.assign(new Error(message), { name, ...(code === undefined ? {} : { code }), ...(stack === undefined ? {} : { stack }) });
}
