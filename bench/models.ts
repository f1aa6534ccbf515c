import { modelSchema, type ModelConfig } from '../config/sections/models.js';

/** GPT-NeoX models that are measured, by name. */
export interface BenchModel {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
}

const neox = (layers: number, width: number, heads: number, vocabularySize: number): BenchModel => ({
  model: modelSchema.parse({ architecture: 'gpt-neox', layers, width, heads }),
  vocabularySize,
});

/** Pythia's vocabulary, padded */
const PYTHIA = 50_304;

export const models = {
  small: neox(4, 128, 4, 2_048),
  '14m': neox(6, 128, 4, PYTHIA),
  '31m': neox(6, 256, 8, PYTHIA),
  '160m': neox(12, 768, 12, PYTHIA),
  '410m': neox(24, 1_024, 16, PYTHIA),
} as const;
export type ModelName = keyof typeof models;

/** `4 × 128, V 2,048` */
export function describe({ model, vocabularySize }: BenchModel): string {
  return `${model.layers} × ${model.width}, V ${vocabularySize.toLocaleString('en')}`;
}
