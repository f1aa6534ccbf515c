import type { ModelFamily } from '../family.js';
import type { GptNeoXConfig } from './create.js';
import { gptNeoXForm } from './hugging-face.js';

export const gptNeoX: ModelFamily<GptNeoXConfig> = {
  // queries, keys and values 3d², their output d², and up to 4d and back 8d²
  weightsOfABlock: ({ width }) => 12 * width ** 2,
  huggingFace: gptNeoXForm,
};
