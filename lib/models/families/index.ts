import type { ModelConfig } from '../../../config/sections/models.js';
import type { ModelFamily } from './family.js';
import { gptNeoX } from './gpt-neox/index.js';
import { llama } from './llama/index.js';

export type { ModelFamily } from './family.js';

type Families = { readonly [C in ModelConfig as C['architecture']]: ModelFamily<C> };

const families: Families = { 'gpt-neox': gptNeoX, llama };

/** in the order of the configuration's schema */
export const allFamilies: readonly ModelFamily<ModelConfig>[] = Object.values(families);

/** Of a configuration that a later version wrote it may be none of ours. */
export const isKnownFamily = ({ architecture }: Pick<ModelConfig, 'architecture'>): boolean => Object.hasOwn(families, architecture);

/** The family of a model's configuration, to be asked about that configuration. */
export const familyOf = ({ architecture }: Pick<ModelConfig, 'architecture'>): ModelFamily<ModelConfig> => families[architecture];
