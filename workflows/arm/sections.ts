import { ApplicationFailure } from '@temporalio/workflow';
import { colorSchema, type ColorConfig } from '../../config/sections/color.js';
import { modelOf } from '../../config/sections/model-of.js';
import type { PipelineInput } from '../types.js';

/** Models as stages get them. */
export const modelsOf = ({ models }: PipelineInput['config']) => ({ ...models, proxy: modelOf(models.proxy), target: modelOf(models.target) });

export const matesSection = ({ mates }: PipelineInput['config']): NonNullable<typeof mates> => needed('mates', mates);
export const oracleSection = ({ oracle }: PipelineInput['config']): NonNullable<typeof oracle> => needed('oracle', oracle);

/** @throws ApplicationFailure where the configuration was not checked */
function needed<Section>(name: string, section: Section | undefined): Section {
  if (section === undefined) throw ApplicationFailure.nonRetryable(`an arm of selector ${name} needs the section ${name} of the configuration`, 'ConfigInvalid');
  return section;
}

/** With its defaults where the configuration has none. */
export const colorSection = ({ color }: PipelineInput['config']): ColorConfig => color ?? colorSchema.parse({});

/** Of a round: those after the first go on from the score model before, and may have fewer steps. */
export function bilevelSection({ bilevel: { laterOuterSteps, ...section } }: PipelineInput['config'], round: number): PipelineInput['config']['bilevel'] {
  return laterOuterSteps === undefined || round === 1 ? section : { ...section, outerSteps: laterOuterSteps };
}
