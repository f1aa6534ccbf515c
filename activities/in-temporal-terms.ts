import { ApplicationFailure } from '@temporalio/activity';
import { asBlissError, BlissError } from '../lib/errors.js';
import { printable } from '../lib/printable.js';

/** Long enough to lose little by trying in vain, short enough to go on soon after the fix. */
export const PATIENT_RETRY = '10s';

type Activities = Readonly<Record<string, (...input: never[]) => Promise<unknown>>>;

/**
 * Activities whose errors Temporal understands: an error that no further try fixes ends them at once, and what only waiting fixes is tried again
 * every few seconds. What is none of ours, as a disk's error, is tried again as the workflow says. Every activity of a worker goes through here.
 */
export function inTemporalTerms<T extends Activities>(activities: T): T {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...input: never[]): Promise<unknown> => {
      try {
        return await activity(...input);
      } catch (error) {
        throw asFailure(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T; // the same names, each with what it takes and gives
}

/** What is an error of ours as Temporal's failure: its code is the type, the fix a detail; anything else as it is. */
function asFailure(thrown: unknown): unknown {
  const error = asBlissError(thrown);
  if (!(error instanceof BlissError)) return error;
  const { code: type, message, fix, retryable } = error;
  // what a message quotes may be anybody's words
  return ApplicationFailure.create({ type, message: printable(message), nonRetryable: !retryable, details: [{ fix: fix === undefined ? null : printable(fix) }], ...(retryable ? { nextRetryDelay: PATIENT_RETRY } : {}) });
}
