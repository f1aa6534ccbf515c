import type { ModelConfig } from '../../config/sections/models.js';
import { BlissError } from '../errors.js';
import { createGptNeoX } from './gpt-neox.js';
import type { Model, ModelOptions } from './model.js';

/** @throws BlissError ConfigInvalid for an architecture that cannot be trained yet, or sizes that do not fit together */
export function createModel(config: ModelConfig, options: ModelOptions = {}): Model {
  switch (config.architecture) {
    case 'gpt-neox':
      return createGptNeoX(config, options);
    case 'llama':
      throw new BlissError({
        code: 'ConfigInvalid',
        message: 'llama cannot be trained yet',
        mend: 'write architecture: gpt-neox for models.proxy and models.target',
      });
  }
}
