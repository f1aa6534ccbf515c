export { createModel } from './create-model.js';
export { createGptNeoX, type GptNeoXConfig } from './gpt-neox.js';
export { readHuggingFaceConfig, writeHuggingFaceConfig, type HuggingFaceModel } from './hugging-face-config.js';
export { initialise } from './initialise.js';
export { elements, parameterCount, type ForwardInput, type InitInput, type Model, type TokenIds } from './model.js';
export { nextTokenLosses, perSampleLoss } from './next-token.js';
export { openSafetensors, readSafetensors, writeSafetensors, type Safetensors, type SafetensorsFile } from './safetensors.js';
export { createScoreModel, type ScoreInput, type ScoreModel } from './score-model.js';
