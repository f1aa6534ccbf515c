/**
 * The one family of errors a user meets. Each says what was wrong, where, what was expected and the fix;
 * `code` is stable and becomes the `type` of Temporal's ApplicationFailure.
 */
export type ErrorCode =
  | 'ConfigInvalid'
  | 'DataInvalid'
  | 'DataCorrupt'
  | 'CheckpointCorrupt'
  | 'ArtifactMissing'
  | 'Fenced'
  | 'LossDiverged'
  | 'NumericsDiffer'
  | 'DiskFull'
  | 'PortInUse'
  | 'ServerUnreachable'
  | 'ServerRefused'
  | 'HomeInUse'
  | 'NotSetUp'
  | 'CrashLoop'
  | 'Stopped'
  | 'Usage'
  | 'RunFailed';

export interface BlissErrorInput {
  readonly code: ErrorCode;
  /** what was wrong, one sentence without a final full stop */
  readonly message: string;
  /** where several things are wrong, each with its place: shown a line each */
  readonly list?: readonly string[];
  /** file, and line or row group where one is known: `corpus.jsonl:12` */
  readonly where?: string;
  /** what the user does about it, in the imperative: `write 10` */
  readonly fix?: string;
  readonly cause?: unknown;
}

export class BlissError extends Error {
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly fix: string | undefined;
  /** the message as it was given, alone */
  readonly sentence: string;
  readonly list: readonly string[];

  constructor({ code, message, list = [], where, fix, cause }: BlissErrorInput) {
    super(`${where === undefined ? '' : `${where}: `}${withList(message, list)}${fix === undefined ? '' : `; ${fix}`}`, { cause });
    this.name = code;
    this.code = code;
    this.sentence = message;
    this.list = list;
    this.where = where;
    this.fix = fix;
  }

  /** The message as it was given, with its list, without the `where` and the `fix` around it. */
  get bare(): string {
    return withList(this.sentence, this.list);
  }

  /** A fault of the user's input: trying again cannot help. */
  get retryable(): boolean {
    return this.code === 'Stopped' || this.code === 'DiskFull' || this.code === 'ServerUnreachable' || this.code === 'NumericsDiffer' || this.code === 'Fenced';
  }
}

const withList = (message: string, list: readonly string[]): string => [message, ...list].join('\n  ');

/** A disk that is full is the operator's to fix and worth a retry; every other errno stays as it is. */
export function asBlissError(error: unknown, where?: string): unknown {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) {
    return new BlissError({
      code: 'DiskFull',
      message: 'no space left on the disk',
      ...(where === undefined ? {} : { where }),
      fix: 'free some space: the run goes on by itself from its last checkpoint',
      cause: error,
    });
  }
  return error;
}
