import { expect, test } from 'vitest';
import { modelSchema } from '../../config/sections/models.js';
import { createModel, flopsPerToken } from '../../lib/models/index.js';

test('every matrix of a checkpoint but the embedding multiplies each token once, and attention every pair of positions twice', () => {
  const model = modelSchema.parse({ architecture: 'gpt-neox', layers: 3, width: 48, heads: 2 });
  const shapes = createModel(model).shapes(100);
  const matrices = Object.entries(shapes).filter(([name, shape]) => shape.length === 2 && !name.includes('embed_in'));
  expect(matrices).toHaveLength(3 * 4 + 1);
  const weights = matrices.reduce((sum, [, [rows, columns]]) => sum + rows * columns, 0);
  // of each block: scores q·kᵀ and their sum over v, each 2·d a pair of positions
  const attention = 3 * 2 * (2 * 48) * 64;
  expect(flopsPerToken({ model, vocabularySize: 100, sequenceLength: 64 })).toEqual({ forward: 2 * weights + attention, training: 3 * (2 * weights + attention) });
});

test('LLaMA has its grouped keys and values and its three matrices after attention', () => {
  const model = modelSchema.parse({ architecture: 'llama', layers: 2, width: 64, heads: 8, keyValueHeads: 2, intermediate: 160 });
  const block = 64 * 64 + 64 * 16 + 64 * 16 + 64 * 64 + 3 * 64 * 160;
  expect(flopsPerToken({ model, vocabularySize: 1_000, sequenceLength: 32 }).forward).toBe(2 * (2 * block + 1_000 * 64) + 2 * 4 * 32 * 64);
});
