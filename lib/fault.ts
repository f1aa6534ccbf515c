import { BlissError, type BlissErrorInput } from './errors.js';

/** An error as plain data: cloned between threads it would lose its class and its code. */
export type Fault =
  | { readonly kind: 'ours'; readonly input: Omit<BlissErrorInput, 'cause'> }
  | { readonly kind: 'other'; readonly name: string; readonly message: string; readonly code: string | undefined; readonly stack: string | undefined };

export function toFault(error: unknown): Fault {
  if (error instanceof BlissError) return { kind: 'ours', input: { code: error.code, message: error.sentence, list: error.list, where: error.where, fix: error.fix } };
  if (!(error instanceof Error)) return { kind: 'other', name: 'Error', message: String(error), code: undefined, stack: undefined };
  return { kind: 'other', name: error.name, message: error.message, code: 'code' in error ? String(error.code) : undefined, stack: error.stack };
}

export function fromFault(fault: Fault): Error {
  if (fault.kind === 'ours') return new BlissError(fault.input);
  const { name, message, code, stack } = fault;
  return Object.assign(new Error(message), { name, ...(code === undefined ? {} : { code }), ...(stack === undefined ? {} : { stack }) });
}
