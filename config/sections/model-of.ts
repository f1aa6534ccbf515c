import type { ModelConfig, StartedModel } from './models.js';

/** The model alone: where its weights come from is the importing stage's business, and in no other stage's key. */
export const modelOf = ({ from: _from, ...model }: StartedModel): ModelConfig => model;
