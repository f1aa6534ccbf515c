import { ApplicationFailure } from '@temporalio/workflow';
import { colorSchema, type ColorConfig } from '../../config/sections/color.js';
import { modelOf } from '../../config/sections/model-of.js';
import type { PipelineInput } from '../types.js';

/** Models as stages get them. */
export const modelsOf = ({ models }: PipelineInput['config']) => ({ ...models, proxy: modelOf(models.proxy), target: modelOf(models.target) });

/** @throws ApplicationFailure where the configuration was not checked */
export function matesSection({ mates }: PipelineInput['config']): NonNullable<typeof mates> {
  if (mates === undefined) throw ApplicationFailure.nonRetryable('an arm of selector mates needs the section mates of the configuration', 'ConfigInvalid');
  return mates;
}

/** With its defaults where the configuration has none. */
export const colorSection = ({ color }: PipelineInput['config']): ColorConfig => color ?? colorSchema.parse({});
