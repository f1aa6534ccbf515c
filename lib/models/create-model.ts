import type { ModelConfig } from '../../config/sections/models.js';
import { createGptNeoX } from './gpt-neox.js';
import { createLlama } from './llama.js';
import type { Model, ModelOptions } from './model.js';

/** @throws BlissError ConfigInvalid for sizes that do not fit together */
export function createModel(config: ModelConfig, options: ModelOptions = {}): Model {
  switch (config.architecture) {
    case 'gpt-neox':
      return createGptNeoX(config, options);
    case 'llama':
      return createLlama(config, options);
  }
}
