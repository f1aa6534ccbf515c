import type { ModelConfig } from '../../config/sections/models.js';
import { createGptNeoX } from './families/gpt-neox/create.js';
import { createLlama } from './families/llama/create.js';
import type { Model, ModelOptions } from './model.js';

/** Apart from what else a family says, as it brings TensorFlow. @throws BlissError ConfigInvalid for sizes that do not fit together */
export function createModel(config: ModelConfig, options: ModelOptions = {}): Model {
  switch (config.architecture) {
    case 'gpt-neox':
      return createGptNeoX(config, options);
    case 'llama':
      return createLlama(config, options);
  }
}
