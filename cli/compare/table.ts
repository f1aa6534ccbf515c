import { counted } from '../../lib/counted.js';
import type { ComparedArm, Verdict } from '../../lib/report/index.js';
import { isCeiling, withInterval } from '../../lib/report/index.js';
import type { ComparedRuns } from '../../lib/stages/report/compared-runs.js';
import { columns, duration, percent } from '../format.js';

export interface Compared {
  readonly runs: readonly { readonly run: string; readonly seeds: readonly number[] }[];
  readonly compared: ComparedRuns;
}

/** Arms side by side, then what the first arm of selector bliss is better by, then what a reader must know. */
export function comparedText({ runs, compared: { arms, lead, set, notes } }: Compared): string[] {
  const seeds = runs.flatMap((one) => one.seeds);
  const head = `${runs.map((one) => `${one.run} (seed${one.seeds.length === 1 ? '' : 's'} ${one.seeds.join(', ')})`).join(' and ')}: ${set} set, losses in nats a token, 95% intervals over ${seeds.length === 1 ? 'one seed’s passages' : counted(seeds.length, 'seed')}`;
  const oracle = arms.some(isCeiling);
  const table = columns(
    [
      ['arm', 'selector', 'loss', 'gain on random', 'seeds better', ...(oracle ? ['of oracle’s'] : []), 'tokens to random’s', 'time to choose', 'FLOP to choose'],
      ...arms.map((arm) => [arm.arm, arm.selector, lossOf(arm), arm.verdict?.difference === undefined ? '' : `${withInterval(arm.verdict)}${roundOf(arm.verdict, arms)}`, arm.verdict === undefined ? '' : better(arm.verdict), ...(oracle ? [shareOf(arm)] : []), reachedOf(arm), timeOf(arm), flopsOf(arm)]),
    ],
    [2, 3, 4, 5, 6, 7, 8],
  );
  const ahead = arms.flatMap(({ arm, lead: own }) => (own?.difference === undefined ? [] : [{ arm, lead: own }]));
  // against random alone the gain says the same
  const leads = ahead.length === 0 || (ahead.length === 1 && arms.find(({ arm }) => arm === ahead[0].arm)?.selector === 'random') ? [] : ['', ...columns([[`${ahead[0].lead.arm} lower than`, 'by', 'seeds better'], ...ahead.map(({ arm, lead: own }) => [arm, withInterval(own), better(own)])], [1, 2])];
  return [head, '', ...table, ...leads, ...(lead === undefined ? [] : ['', lead]), ...notes.map((note) => `note: ${note}`)];
}

const better = ({ seeds }: Verdict): string => `${seeds.filter(({ difference }) => difference > 0).length} of ${seeds.length}`;
const lossOf = ({ loss }: ComparedArm): string => (Number.isFinite(loss) ? loss.toFixed(4) : 'missing');
const shareOf = ({ ofOracle }: ComparedArm): string => (ofOracle === undefined || !Number.isFinite(ofOracle.share) ? '' : percent(ofOracle.share));
const timeOf = ({ perRound }: ComparedArm): string => (perRound === undefined ? '' : perRound.seconds === null ? 'not known' : `${duration(perRound.seconds)} a round`);
const flopsOf = ({ perRound }: ComparedArm): string => (perRound === undefined || perRound.flops === 0 ? '' : perRound.flops.toExponential(1));

/** Where arms stand after different rounds, which one. */
const roundOf = ({ round }: Verdict, arms: readonly ComparedArm[]): string => (round === undefined || arms.every(({ verdict }) => verdict?.round === undefined || verdict.round === round) ? '' : ` (round ${round})`);

const reachedOf = ({ reached }: ComparedArm): string =>
  reached === undefined ? '' : reached.seeds === 0 ? 'not reached' : `${percent(reached.share)}${reached.seeds < reached.of ? ` (${reached.seeds} of ${counted(reached.of, 'seed')})` : ''}`;

/** The same for machines. */
export function comparedAnswer({ runs, compared: { arms, lead, set, notes } }: Compared): object {
  return {
    runs,
    seeds: runs.flatMap((one) => one.seeds),
    set,
    arms: arms.map(({ arm, selector, loss, verdict, lead: ahead, ofOracle, reached, perRound, gainPerHour }) => ({
      arm,
      selector,
      loss,
      ...(verdict === undefined ? {} : { gain: differenceOf(verdict) }),
      ...(ahead === undefined ? {} : { lead: { of: ahead.arm, ...differenceOf(ahead) } }),
      ...(ofOracle === undefined ? {} : { ofOracle }),
      ...(reached === undefined ? {} : { tokensToRandom: reached }),
      ...(perRound === undefined ? {} : { perRound }),
      ...(gainPerHour === undefined ? {} : { gainPerHour }),
    })),
    ...(lead === undefined ? {} : { lead }),
    notes,
  };
}

/** in nats a token */
const differenceOf = ({ round, difference, standardError, interval, seeds }: Verdict): object => ({
  round,
  mean: difference,
  standardError,
  interval,
  bySeed: seeds.map((one) => ({ seed: one.seed, difference: one.difference })),
});
