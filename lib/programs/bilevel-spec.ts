import { bilevelProblems } from '../../config/bilevel-problems.js';
import { fieldName } from '../../config/problem.js';
import { DEFAULT_FEATURE_SCALE, type BilevelConfig } from '../../config/sections/bilevel.js';
import type { ModelConfig } from '../../config/sections/models.js';
import type { BilevelSettings } from '../bilevel/index.js';
import { BlissError } from '../errors.js';
import type { ScoreFeatures } from '../models/index.js';
import type { ProgramOptions } from '../tensor/index.js';
import type { Precision } from './precision.js';

/** what of a run's `bilevel` section decides the program */
export type BilevelProgramSettings = BilevelSettings &
  Pick<BilevelConfig, 'batchSize' | 'validationBatchSize' | 'microBatchSize' | 'validationMicroBatchSize'> & {
    /** rows are ranked on the way too */
    readonly ranks?: true;
    /** of the score model */
    readonly features?: ScoreFeatures;
  };

/** Plain JSON: equal specifications share a program. */
export interface BilevelSpec {
  readonly proxy: ModelConfig;
  readonly target: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  readonly bilevel: BilevelProgramSettings;
  /** of the inner step; the outer one, whose solver works on small differences, is float32 in any case */
  readonly precision?: Precision;
  /** compute each block of the proxy again in backward passes instead of keeping its activations */
  readonly recompute?: 'none' | 'blocks';
  /** elements of the proxy's logits held at once. @default LOGITS_AT_ONCE */
  readonly logitsAtOnce?: number;
  readonly mode: ProgramOptions['mode'];
}

/** Whether rows of a minibatch go through in several parts. */
export const inParts = ({ batchSize, microBatchSize = batchSize, validationBatchSize, validationMicroBatchSize = validationBatchSize }: Pick<BilevelConfig, 'batchSize' | 'microBatchSize' | 'validationBatchSize' | 'validationMicroBatchSize'>): boolean => microBatchSize < batchSize || validationMicroBatchSize < validationBatchSize;

/** A run's configuration was checked when it was read; a stage's input may come from elsewhere, and would be computed as something else. */
export function requireComputable(settings: Parameters<typeof bilevelProblems>[0]): void {
  const [problem] = bilevelProblems(settings);
  if (problem === undefined) return;
  const { path, message, fix } = problem;
  throw new BlissError({ code: 'ConfigInvalid', where: fieldName(path), message, ...(fix === undefined ? {} : { fix }) });
}

/** Of each feature its value and its square. */
export function scoreFeatures({ score: { features, featureScale = DEFAULT_FEATURE_SCALE, backbone = true } }: Pick<BilevelConfig, 'score'>): ScoreFeatures | undefined {
  return features === undefined ? undefined : { count: 2 * features.length, scale: featureScale, backbone };
}

/** The part of the whole section that decides the program, so that runs of other lengths share it. */
export function bilevelProgramSettings(section: BilevelConfig): BilevelProgramSettings {
  const { klWeight, klDirection, l2Weight, weights, temperature, normaliser, causalProxy, referenceDevices, solver, proxy, score, batchSize, validationBatchSize, microBatchSize, validationMicroBatchSize } = section;
  const features = scoreFeatures(section);
  const common = { klWeight, klDirection, l2Weight, weights, normaliser, causalProxy, referenceDevices, solver, proxy, score, batchSize, validationBatchSize };
  const parts = { ...(microBatchSize === undefined ? {} : { microBatchSize }), ...(validationMicroBatchSize === undefined ? {} : { validationMicroBatchSize }) };
  return { ...common, ...parts, ...(temperature === undefined ? {} : { temperature }), ...(section.stopAt === undefined ? {} : { ranks: true as const }), ...(features === undefined ? {} : { features }) };
}
