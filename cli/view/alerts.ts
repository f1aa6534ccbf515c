import { oneLine } from '../../lib/printable.js';
import type { RunView } from './view.js';

/** more would hide the stages */
const TROUBLES_SHOWN = 5;

/** What somebody should look at while a run goes on, or should know of one that is done, a line each. */
export function alertLines({ state, failures, goesOn = false, goOnBy = 'bliss resume', troubles = [] }: Pick<RunView, 'state' | 'failures' | 'goesOn' | 'goOnBy' | 'troubles'>): string[] {
  const failed = failures === undefined ? [] : failures.newest.map(({ stage, reason }) => `✗ ${stage} failed: ${oneLine(reason)}`);
  const others = failures === undefined ? 0 : failures.count - failures.newest.length;
  const tried = troubles.slice(0, TROUBLES_SHOWN).map(({ stage, activity, failed: times, code, message }) => `! ${activity}${stage === null ? '' : ` of ${stage}`} has failed ${times} time${times > 1 ? 's' : ''} and is tried again: ${code}: ${oneLine(message)}`);
  return [
    ...failed,
    ...(others > 0 ? [`  … and ${others} before ${others > 1 ? 'them' : 'it'}`] : []),
    ...(failures === undefined ? [] : [thenLine({ state, goesOn, goOnBy })]),
    ...tried,
    ...(troubles.length > TROUBLES_SHOWN ? [`  … and ${troubles.length - TROUBLES_SHOWN} more activities`] : []),
  ];
}

function thenLine({ state, goesOn, goOnBy }: Required<Pick<RunView, 'state' | 'goesOn' | 'goOnBy'>>): string {
  if (state === 'done') return `  the run is done without; once that is fixed, ${goOnBy} does what is missing`;
  return goesOn ? '  the run goes on without (evaluation.onFailure: continue)' : `  no other round of its arm begins, and the run ends then: fix it, then ${goOnBy}`;
}
