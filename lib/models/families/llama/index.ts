import type { ModelFamily } from '../family.js';
import { createLlama, type LlamaConfig } from './create.js';
import { llamaForm } from './hugging-face.js';

export const llama: ModelFamily<LlamaConfig> = {
  create: createLlama,
  // queries and output 2d², keys and values of the heads that are shared, and the three matrices of the SwiGLU
  weightsOfABlock: ({ width, heads, keyValueHeads, intermediate }) => 2 * width ** 2 + 2 * width * ((width / heads) * keyValueHeads) + 3 * width * intermediate,
  huggingFace: llamaForm,
};
