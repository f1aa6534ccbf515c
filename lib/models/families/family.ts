import type { ModelConfig } from '../../../config/sections/models.js';
import type { HuggingFaceForm } from '../hugging-face/form.js';

/** What is to be said of an architecture beside how it computes (create-model.ts). No tensors: commands that export ask it. */
export interface ModelFamily<Config extends ModelConfig> {
  /** elements of the matrices of one block: what FLOPs are counted by */
  weightsOfABlock(config: Config): number;
  readonly huggingFace: HuggingFaceForm<Config>;
}
