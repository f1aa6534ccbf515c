import type { RunConfig } from '../../config/index.js';
import { DEFAULT_FEATURE_SCALE } from '../../config/sections/bilevel.js';
import { colorSchema } from '../../config/sections/color.js';
import { selectorRow } from '../../config/tables/selectors.js';
import { differences, type Difference } from '../plan/differences.js';
import { rankOf, type ForkPoint } from './point.js';

export interface ChangedFeatures {
  /** of the other run */
  readonly before: RunConfig;
  readonly config: RunConfig;
  readonly point: ForkPoint;
}

/**
 * Fields in which features differ, where a score model that is taken over is gone on with after the fork: its weights would count for what they were not
 * learnt from.
 */
export function changedFeatures({ before, config, point }: ChangedFeatures): Difference[] {
  const isTaken = config.comparison.arms.some(({ name, selector }) => selectorRow(selector).stage === 'bilevel' && before.comparison.arms.some((arm) => arm.name === name && arm.selector === selector));
  const [first = 0, last = 0] = [1, config.rounds].map((round) => rankOf(`round-${round}/bilevel`));
  const goesOn = isTaken && config.bilevel.score.inherit && first < point.rank && point.rank <= last;
  return goesOn ? [...differences(seenBy(before), seenBy(config), 'bilevel.score'), ...differences(fineTuneOf(before), fineTuneOf(config), 'color')] : [];
}

const seenBy = ({ bilevel: { score: { features = [], featureScale = DEFAULT_FEATURE_SCALE, backbone = true } } }: RunConfig): unknown => ({ features, featureScale, backbone });

/** What the scores of a fine-tune come from, where they are a feature; undefined: nowhere. */
const fineTuneOf = ({ color, bilevel: { score: { features = [] } } }: RunConfig): unknown => (features.some((name) => name === 'color' || name === 'color-target') ? (color ?? colorSchema.parse({})) : undefined);
