import type { ModelFamily } from '../family.js';
import type { LlamaConfig } from './create.js';
import { llamaForm } from './hugging-face.js';

export const llama: ModelFamily<LlamaConfig> = {
  // queries and output 2d², keys and values of the heads that are shared, and the three matrices of the SwiGLU
  weightsOfABlock: ({ width, heads, keyValueHeads, intermediate }) => 2 * width ** 2 + 2 * width * ((width / heads) * keyValueHeads) + 3 * width * intermediate,
  huggingFace: llamaForm,
};
