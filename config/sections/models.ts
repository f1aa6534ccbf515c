import { z } from 'zod';
import { fraction, positive, positiveInteger, text } from './common.js';

const layers = positiveInteger.meta({ description: 'L, depth', unit: 'blocks' });
const width = positiveInteger.meta({ description: 'd, width of the residual stream', unit: 'channels' });
const rotaryBase = positive.default(10_000).meta({ description: 'base of the rotary frequencies', unit: '1' });
const initStandardDeviation = positive
  .default(0.02)
  .meta({ description: 'σ of the initial weights, N(0, σ²); √(2/5d) keeps Pythia’s 0.02 at width 1024 for other widths', unit: 'weight' });

const gptNeoX = z.strictObject({
  architecture: z.literal('gpt-neox').describe('Pythia: parallel residual, partial rotary embedding, exact GELU'),
  layers,
  width,
  heads: positiveInteger.meta({ description: 'attention heads; divides width', unit: 'heads' }),
  rotaryFraction: fraction.default(0.25).meta({ description: 'part of each head that is rotated; an even number of channels', unit: 'share of channels' }),
  rotaryBase,
  layerNormEpsilon: positive.default(1e-5).meta({ description: 'ε of every LayerNorm', unit: 'variance' }),
  initStandardDeviation,
});

const llama = z.strictObject({
  architecture: z.literal('llama').describe('LLaMA: RMSNorm, SwiGLU, full rotary embedding, grouped queries'),
  layers,
  width,
  heads: positiveInteger.meta({ description: 'query heads; divides width', unit: 'heads' }),
  keyValueHeads: positiveInteger.meta({ description: 'key and value heads; divides heads', unit: 'heads' }),
  intermediate: positiveInteger.meta({ description: 'width of the SwiGLU', unit: 'channels' }),
  rotaryBase,
  rmsNormEpsilon: positive.default(1e-5).meta({ description: 'ε of every RMSNorm', unit: 'mean square' }),
  tieEmbeddings: z.boolean().default(false).describe('output projection shares the embedding'),
  initStandardDeviation,
});

/** Each is a family of lib/models/families, and has its sizes checked in config/model-problems.ts. */
const architectures = [gptNeoX, llama] as const;

/** What a model is made of.  @see method §8 */
export const modelSchema = z.discriminatedUnion('architecture', architectures);
export type ModelConfig = z.infer<typeof modelSchema>;

const from = text(/\S/, 'path of a folder')
  .optional()
  .describe('Hugging Face folder (config.json, model.safetensors or its shards) with the weights to start from instead of a warm-up; relative to the configuration file');

/** The same, one for one, with where its weights come from. */
type Started<All extends readonly z.ZodType[]> = { readonly [I in keyof All]: z.ZodType<z.infer<All[I]>> };
const startedArchitectures = [gptNeoX.extend({ from }), llama.extend({ from })] as const satisfies Started<typeof architectures>;
const startedModelSchema = z.discriminatedUnion('architecture', startedArchitectures);
export type StartedModel = z.infer<typeof startedModelSchema>;

/** Which of a run's two models. */
export type WhichModel = 'proxy' | 'target';


export const modelsSchema = z.strictObject({
  vocabularySize: positiveInteger.meta({ description: 'V of every model: at least the tokenizer’s, usually padded', unit: 'entries' }),
  proxy: startedModelSchema.describe('θ_p, the small model that stands in for the target; the score model has its backbone'),
  target: startedModelSchema.describe('θ_r, the model that the data is chosen for'),
});
