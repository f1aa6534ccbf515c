import type { SubmittedNotices } from '../../config/sections/notices.js';
import type { Home } from '../../lib/home.js';
import { noticeFaults } from '../../lib/notices/index.js';
import { configuredServer } from '../../workers/connection.js';
import { askStack } from '../../workers/home-lock.js';
import type { Output } from '../output.js';

export interface CheckNotices {
  readonly notices: SubmittedNotices | undefined;
  readonly home: Home;
  readonly output: Pick<Output, 'note'>;
  /** a run that has begun goes on without its notices: that is said, and is no error */
  readonly begun?: boolean;
}

/**
 * That who is to be told can be. The workers of a stack of our own have this environment, so that what it lacks is an error; those of a stack that
 * is up, or of another machine, have theirs, of which nothing is known here: a note.
 * @throws BlissError ConfigInvalid
 */
export async function checkNotices({ notices, home, output, begun = false }: CheckNotices): Promise<void> {
  const faults = notices === undefined ? [] : noticeFaults({ notices, environment: process.env });
  if (faults.length === 0) return;
  const ofOurOwn = configuredServer() === undefined && (await askStack(home)) === undefined;
  if (ofOurOwn && !begun) throw faults[0];
  for (const { message } of faults) output.note(ofOurOwn ? `nobody will be told: ${message}` : `nobody will be told, unless the workers that are up have another environment: ${message}`);
}
