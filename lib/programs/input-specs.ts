import type { TensorSpec } from '../tensor/index.js';

/** token ids [n, T]; calls take them flat */
export const tokenIds = (n: number, length: number): TensorSpec => ({ shape: [n, length], dtype: 'int32' });

export const scalar: TensorSpec = { shape: [], dtype: 'float32' };

/** what AdamW takes anew at every step */
export const adamInputs = { learningRate: scalar, c1: scalar, c2: scalar };
