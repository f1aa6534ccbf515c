/** The process of `apart.ts`: its argument is the job, its first message the job's input. It ends with whoever started it. */
import { toFault } from '../../lib/fault.js';
import type { FromApart } from './apart.js';
import { jobs, type Jobs } from './jobs.js';

const perform = jobs[process.argv[2] as keyof Jobs] as (input: unknown) => Promise<unknown>; // named and given by apart.ts, which checks the two by type

process.once('message', (input) => {
  perform(input)
    .then((done): FromApart => ({ done }))
    .catch((error: unknown): FromApart => ({ fault: toFault(error) }))
    .then((answer) => process.send?.(answer, undefined, undefined, () => process.disconnect()))
    .catch((error: unknown) => {
      throw error;
    });
});
process.once('disconnect', () => process.exit());
