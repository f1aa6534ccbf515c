import { isCeiling, type ComparedArm } from './comparison.js';
import { loss } from './numbers.js';
import type { Verdict } from './verdict.js';

/** Whether the first arm of selector bliss is ahead of every other one, in a sentence or two. undefined where there is nothing to say */
export function leadText(compared: readonly ComparedArm[]): string | undefined {
  const rivals = compared.flatMap((one) => (one.lead?.difference === undefined || isCeiling(one) ? [] : [{ arm: one.arm, lead: one.lead }]));
  if (rivals.length === 0) return undefined;
  const ours = rivals[0].lead.arm;
  const higher = rivals.filter(({ lead }) => (lead.difference ?? Number.NaN) > 0);
  const sure = rivals.filter(({ lead }) => lead.outcome === 'wins');
  const others = rivals.filter(({ lead }) => lead.outcome !== 'wins').map(({ arm, lead }) => `${arm} (${withInterval(lead)})`);
  const first = `${ours} has a lower loss than ${higher.length} of ${rivals.length} other ${rivals.length === 1 ? 'arm' : 'arms'}, and the 95% interval of the difference lies above 0 for ${sure.length} of ${rivals.length}`;
  const ceiling = compared.some(isCeiling) ? ' The oracle, a ceiling, is not counted.' : '';
  return `${first}${others.length === 0 ? '' : `: not for ${others.join(', ')}`}.${ceiling} Each interval stands for itself: none is corrected for the number of arms.`;
}

/** `0.0070, −0.0080 to 0.0210` */
export const withInterval = ({ difference = Number.NaN, interval }: Verdict): string => `${loss(difference)}${interval === undefined ? '' : `, ${loss(interval[0])} to ${loss(interval[1])}`}`;
