import { BlissError } from '../lib/errors.js';
import { jsonLine, oneLine, printable } from '../lib/printable.js';
import { bothNames } from './both-names.js';

/** 0 done, 1 failed, 2 bad usage or configuration, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 130;

/**
 * Where a command speaks. With --json standard output holds JSON only; everything for people goes to standard error. What is said may quote anybody's
 * text, and no control character of it gets through.
 */
export interface Output {
  readonly json: boolean;
  /** the terminal can be redrawn */
  readonly live: boolean;
  /** an answer for people; silent with --json */
  say(text: string): void;
  /** what is going on meanwhile; standard error with --json */
  note(text: string): void;
  /** why it failed: standard error */
  fault(text: string): void;
  /** the machine's answer, one line; silent without --json */
  answer(value: unknown): void;
  /** lines in the place of the last so many */
  redraw(picture: { readonly over: number; readonly lines: readonly string[] }): void;
  readonly columns: number;
  readonly rows: number;
}

export function openOutput({ json }: { readonly json: boolean }): Output {
  // `bliss status | head` ends the pipe early: that is no failure
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  const toPeople = json ? process.stderr : process.stdout;
  return {
    json,
    live: !json && process.stdout.isTTY === true,
    say: (text) => (json ? undefined : void process.stdout.write(`${printable(text)}\n`)),
    note: (text) => void toPeople.write(`${printable(text)}\n`),
    fault: (text) => void process.stderr.write(`${printable(text)}\n`),
    answer: (value) => (json ? void process.stdout.write(`${jsonLine(bothNames(value))}\n`) : undefined),
    redraw: ({ over, lines }) => void process.stdout.write(`${over === 0 ? '' : `\x1b[${over}A\x1b[J`}${lines.map((line) => `${oneLine(line)}\n`).join('')}`),
    columns: process.stdout.columns || 100, // a terminal of unknown size says 0
    rows: process.stdout.rows || 24,
  };
}

/** What a machine reads of an error. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
  readonly where?: string;
  readonly fix?: string;
}

/** A fault of ours has a stack trace; a fault of the user's has what, where and the fix. */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (!(error instanceof BlissError)) return { code: 'Internal', message: error instanceof Error ? error.message : String(error) };
  const { where, fix } = error;
  return { code: error.code, message: error.bare, ...(where === undefined ? {} : { where }), ...(fix === undefined ? {} : { fix }) };
}

export function errorText(error: unknown): string {
  if (error instanceof BlissError) {
    const { sentence, list, where, fix } = error;
    return [`error: ${where === undefined ? '' : `${oneLine(where)}: `}${oneLine(sentence)}`, ...[...list, ...(fix === undefined ? [] : [`fix: ${fix}`])].map((line) => `  ${oneLine(line)}`)].join('\n');
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `error: this should not have happened, please report it\n${stack}`;
}

export const exitCodeOf = (error: unknown): ExitCode =>
  error instanceof BlissError && ['ConfigInvalid', 'DataInvalid', 'Usage'].includes(error.code) ? 2 : 1;
