import { z } from 'zod';
import { fraction, positiveInteger } from './common.js';

export const modelSchema = z.discriminatedUnion('architecture', [
  z.strictObject({
    architecture: z.literal('gpt-neox').describe('Pythia: parallel residual, partial rotary embedding, exact GELU'),
    layers: positiveInteger.describe('blocks'),
    width: positiveInteger.describe('d, width of the residual stream'),
    heads: positiveInteger.describe('attention heads; divides width'),
    rotaryFraction: fraction.default(0.25).describe('share of each head rotated'),
    rotaryBase: z.number().positive().default(10_000).describe('base of the rotary frequencies'),
    layerNormEpsilon: z.number().positive().default(1e-5).describe('ε of every LayerNorm'),
    initStandardDeviation: z.number().positive().default(0.02).describe('σ of the initial weights, N(0, σ)'),
  }),
  z.strictObject({
    architecture: z.literal('llama').describe('LLaMA: RMSNorm, SwiGLU, full rotary embedding, grouped queries'),
    layers: positiveInteger.describe('blocks'),
    width: positiveInteger.describe('d, width of the residual stream'),
    heads: positiveInteger.describe('query heads; divides width'),
    keyValueHeads: positiveInteger.describe('key and value heads; divides heads'),
    intermediate: positiveInteger.describe('width of the SwiGLU'),
    rotaryBase: z.number().positive().default(10_000).describe('base of the rotary frequencies'),
    rmsNormEpsilon: z.number().positive().default(1e-5).describe('ε of every RMSNorm'),
    tieEmbeddings: z.boolean().default(false).describe('output projection shares the embedding'),
    initStandardDeviation: z.number().positive().default(0.02).describe('σ of the initial weights, N(0, σ)'),
  }),
]);
export type ModelConfig = z.infer<typeof modelSchema>;

export const modelsSchema = z.strictObject({
  vocabularySize: positiveInteger.describe('V of every model: at least the tokenizer’s, usually padded'),
  proxy: modelSchema.describe('θ_p, the small stand-in; the score model has its backbone'),
  target: modelSchema.describe('θ_r, the model that the data is chosen for'),
});
