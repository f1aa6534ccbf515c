import type { ModelConfig } from '../../config/sections/models.js';
import { familyOf } from './families/index.js';
import type { Model, ModelOptions } from './model.js';

/** @throws BlissError ConfigInvalid for sizes that do not fit together */
export const createModel = (config: ModelConfig, options: ModelOptions = {}): Model => familyOf(config).create(config, options);
