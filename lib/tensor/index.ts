import './derivative-orders.js';

export { tf } from './tf.js';
export type { DType, EntryBody, EntryIO, EntryOptions, NamedArrays, NamedTensors, ProductType, ProgramOptions, Shape, Shapes, TensorSpec } from './types.js';
export { optimizationBarrier } from './optimization-barrier.js';
export { recomputed } from './recomputed.js';
export { stopGradient } from './stop-gradient.js';
export { crossEntropy, embedding, gelu, layerNorm, logSoftmax, logSumExp, rmsNorm, silu, softmaxAlong } from './ops.js';
export { directionalDerivative, innerProduct, sumOfAll, valueAndGradients, type ValueAndGradients } from './differentiation.js';
export { joinedVectors, type JoinedVectors } from './joined-vectors.js';
export { Program, type CallInputs, type CallOutputs } from './program.js';
export { ProgramError } from './errors.js';
export { numericsFingerprint, type NumericsFingerprint, type NumericsParts } from './fingerprint.js';
export type { TypedArray } from './native.js';
