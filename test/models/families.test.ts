import { describe, expect, test } from 'vitest';
import { modelSchema, modelsSchema, type ModelConfig } from '../../config/sections/models.js';
import { familyOf } from '../../lib/models/families/index.js';
import { createModel, readHuggingFaceConfig, writeHuggingFaceConfig } from '../../lib/models/index.js';
import { sizeOf } from '../../lib/tensor/shapes.js';
import { tinyConfig, tinyLlama } from './tiny.js';

/** a model of each architecture that a configuration may name */
const models: { readonly [C in ModelConfig as C['architecture']]: C } = { 'gpt-neox': tinyConfig, llama: tinyLlama };

test('every architecture of the schema is here', () => {
  expect(modelSchema.options.map(({ shape }) => shape.architecture.value).sort((a, b) => a.localeCompare(b))).toEqual(Object.keys(models).sort((a, b) => a.localeCompare(b)));
});

describe.each(Object.values<ModelConfig>(models))('of the family $architecture', (model) => {
  const family = familyOf(model);

  test('the weights of a block are its matrices', () => {
    const { layers } = model;
    const shapes = createModel(model).shapes(24);
    // all other matrices have a row for each entry of the vocabulary
    const matrices = Object.values(shapes).filter((shape) => shape.length === 2 && shape[0] !== 24);
    expect(family.weightsOfABlock(model) * layers).toBe(matrices.reduce((sum, shape) => sum + sizeOf(shape), 0));
  });

  test('config.json says all of the model, and nothing of positions that is refused', () => {
    const whole = { model, vocabularySize: 24, contextLength: 8 };
    const written = writeHuggingFaceConfig(whole);
    expect(readHuggingFaceConfig(written)).toEqual(whole);
    expect(written).toMatchObject({ model_type: family.huggingFace.modelType, architectures: [family.huggingFace.className] });
  });

  test('a file that lacks a field is refused by the family’s name and the field', () => {
    const { hidden_size, ...written } = writeHuggingFaceConfig({ model, vocabularySize: 24, contextLength: 8 });
    expect(hidden_size).toBe(model.width);
    expect(() => readHuggingFaceConfig(written)).toThrow(new RegExp(`not the configuration of a ${family.huggingFace.name} model: .*\n.*hidden_size`));
  });

  test('a run may start it from a folder', () => {
    const started = { ...model, from: 'folder' };
    expect(modelsSchema.parse({ vocabularySize: 24, proxy: model, target: started })).toEqual({ vocabularySize: 24, proxy: model, target: started });
  });
});

test('a model type that is nobody’s is refused with those that there are', () => {
  expect(() => readHuggingFaceConfig({ model_type: 'gpt2' })).toThrow('config.json: model_type is "gpt2"; only "gpt_neox" or "llama" is computed here');
});
