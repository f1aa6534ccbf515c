import type { ScoreFeatures } from '../models/index.js';
import type { TensorSpec } from '../tensor/index.js';

/** token ids [n, T]; calls take them flat */
export const tokenIds = (n: number, length: number): TensorSpec => ({ shape: [n, length], dtype: 'int32' });

export const scalar: TensorSpec = { shape: [], dtype: 'float32' };

/** what AdamW takes anew at every step */
export const adamInputs = { learningRate: scalar, c1: scalar, c2: scalar };

/** φ of a minibatch's rows; no input where the score model has no features */
export const featureInputs = (n: number, features: ScoreFeatures | undefined): Readonly<Record<string, TensorSpec>> => (features === undefined ? {} : { features: { shape: [n, features.count], dtype: 'float32' } });
