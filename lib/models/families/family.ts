import type { ModelConfig } from '../../../config/sections/models.js';
import type { HuggingFaceForm } from '../hugging-face/form.js';
import type { Model, ModelOptions } from '../model.js';

/** All that is to be said of an architecture; what of it a configuration may say is in config/sections/models.ts. */
export interface ModelFamily<Config extends ModelConfig> {
  /** @throws BlissError ConfigInvalid for sizes that do not fit together */
  create(config: Config, options?: ModelOptions): Model;
  /** elements of the matrices of one block: what FLOPs are counted by */
  weightsOfABlock(config: Config): number;
  readonly huggingFace: HuggingFaceForm<Config>;
}
