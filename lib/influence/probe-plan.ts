import type { MatesConfig } from '../../config/sections/mates.js';
import { BlissError } from '../errors.js';
import { permutation } from '../random.js';

export interface ProbePlanInput {
  /** rows of the group */
  readonly rows: number;
  readonly settings: Pick<MatesConfig, 'probes' | 'heldOutFraction' | 'epochs' | 'batchSize'>;
  readonly seed: string;
}

/** Which rows are probed and what becomes of them; a pure function of its input. Indices ascend. */
export interface ProbePlan {
  readonly rows: Uint32Array;
  /** of `rows`, those that the regression learns from … */
  readonly fitted: Uint32Array;
  /** … and the others, two at least: of one there is no correlation */
  readonly heldOut: Uint32Array;
  /** of the regression, which goes on into another pass where its last one fills no minibatch */
  readonly steps: number;
}

/** @throws BlissError DataInvalid where the group has too few rows, or too few are left to learn from */
export function probePlan({ rows: groupRows, settings, seed }: ProbePlanInput): ProbePlan {
  const { probes, heldOutFraction, batchSize } = settings;
  if (probes > groupRows) {
    throw new BlissError({ code: 'DataInvalid', message: `${probes} rows shall be probed, and the group has ${groupRows}`, where: 'mates.probes', fix: 'lower it, or raise data.rowsPerGroup' });
  }
  const rows = permutation(groupRows, seed, 'probes').slice(0, probes).sort();
  const order = permutation(probes, seed, 'held-out probes');
  const aside = heldOutProbes({ probes, heldOutFraction });
  const part = (from: number, to: number): Uint32Array => order.slice(from, to).sort().map((i) => rows[i]);
  const fitted = part(aside, probes);
  if (fitted.length < batchSize) {
    throw new BlissError({ code: 'DataInvalid', message: `of ${probes} probes ${fitted.length} are left to learn from, fewer than one minibatch of ${batchSize}`, where: 'mates.batchSize', fix: 'lower it, or raise mates.probes' });
  }
  return { rows, fitted, heldOut: part(0, aside), steps: regressionSteps(settings) };
}

const heldOutProbes = ({ probes, heldOutFraction }: Pick<MatesConfig, 'probes' | 'heldOutFraction'>): number => Math.max(2, Math.round(heldOutFraction * probes));

/** Steps of so many passes over the probes that are learnt from. */
export const regressionSteps = ({ epochs, batchSize, ...probed }: ProbePlanInput['settings']): number => Math.ceil((epochs * (probed.probes - heldOutProbes(probed))) / batchSize);
