import { BlissError } from '../../errors.js';

/** @throws BlissError Stopped, so that an export takes back what it has written */
export function endIfStopped(stop: AbortSignal | undefined): void {
  if (stop?.aborted === true) throw new BlissError({ code: 'Stopped', message: 'the export was stopped' });
}
