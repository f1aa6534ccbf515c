import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createModel, parameterCount, perSampleLoss, readHuggingFaceConfig, readSafetensors, type Model } from '../../lib/models/index.js';
import { Program, tf, valueAndGradients, type NamedTensors } from '../../lib/tensor/index.js';
import { expectScalar, expectVector, report } from './compare.js';
import { holds, inFixtures, lacks, readJson } from './folder.js';
import { asked, modes, type Mode } from './modes.js';
import { flatten, norm, numberOf, one, Shapes, type NamedValues } from './values.js';

interface Block {
  readonly perSampleLoss: readonly number[];
  readonly meanLoss: number;
  readonly gradNorm: Readonly<Record<string, number>>;
  readonly gradFirst: Readonly<Record<string, readonly number[]>>;
}
interface Expected {
  readonly inputIds: number[][];
  readonly parameterCount?: number;
  readonly float32: Block & { readonly logits: readonly number[][][] };
  readonly float64: Block & { readonly logitsRows: Readonly<Record<string, readonly number[]>> };
}

const folders = ['tiny-neox', 'tiny-llama'];
const whole = folders.filter((folder) => ['expected.json', 'config.json', 'model.safetensors'].every((file) => holds(folder, file)));
for (const folder of folders) if (!whole.includes(folder)) lacks(`a whole ${folder}`);

describe.each(whole)('%s, by transformers', (folder) => {
  const expected = readJson<Expected>(inFixtures(folder, 'expected.json'));
  const { model: config, vocabularySize } = readHuggingFaceConfig(readJson(inFixtures(folder, 'config.json')));
  const model = createModel(config);

  test('the checkpoint holds the tensors that the model names, in their shapes', async () => {
    const shapes = model.shapes(vocabularySize);
    expect((await readSafetensors(inFixtures(folder, 'model.safetensors'))).shapes).toEqual(shapes);
    if (expected.parameterCount !== undefined) expect(parameterCount(shapes)).toBe(expected.parameterCount);
    if (holds(folder, 'config.v4-style.json')) {
      expect(readHuggingFaceConfig(readJson(inFixtures(folder, 'config.v4-style.json'))).model).toEqual(config);
    }
  });

  // of seven positions at once: the two rows of sixteen in five parts, the last one smaller
  const inParts = createModel(config, { logitsAtOnce: 7 * vocabularySize });
  const ways = [
    ...modes.map((mode) => ({ mode, way: mode, of: model })),
    ...(asked ?? (['eager', 'graph'] as const)).map((mode) => ({ mode, way: `${mode}, logits in parts`, of: inParts })),
  ];
  describe.each(ways)('$way', ({ mode, way, of }) => {
    let actual: NamedValues;
    beforeAll(async () => {
      actual = await run(mode, of);
    }, 300_000);
    afterAll(() => report(`${folder}, ${way}`));

    test('logits agree to 2e-6 of the largest', () => {
      const logits = one(actual, 'logits');
      expectVector('logits', logits, expected.float32.logits.flat(2), 2e-6);
      const T = expected.inputIds[0].length;
      for (const [place, row] of Object.entries(expected.float64.logitsRows)) {
        const [sample, position] = place.split(',').map(Number);
        const start = (sample * T + position) * row.length;
        expectVector('logits, float64', { values: Array.from(logits.values).slice(start, start + row.length) }, row, 2e-6);
      }
    });

    test.each(['float64', 'float32'] as const)('losses and gradients agree with %s', (precision) => {
      const block = expected[precision];
      expectVector('per-sample loss', one(actual, 'losses'), block.perSampleLoss, 1e-6);
      expectScalar('mean loss', numberOf(actual, 'loss'), block.meanLoss, 1e-6);
      const names = Object.keys(actual).filter((name) => name.startsWith('gradient/'));
      expect(names.sort()).toEqual(Object.keys(block.gradNorm).map((name) => `gradient/${name}`).sort());
      for (const [name, expectedNorm] of Object.entries(block.gradNorm)) {
        const gradient = one(actual, `gradient/${name}`);
        expectScalar('gradient norm', norm({ gradient }), expectedNorm, 3e-6);
        const rms = expectedNorm / Math.sqrt(gradient.values.length);
        block.gradFirst[name].forEach((e, i) => expectScalar('gradient value', gradient.values[i], e, 1e-5, Math.abs(e) + rms));
      }
    });
  });

  async function run(mode: Mode, of: Model): Promise<NamedValues> {
    const { arrays, shapes: tensors } = await readSafetensors(inFixtures(folder, 'model.safetensors'));
    const program = new Program('tiny', { mode });
    for (const [name, shape] of Object.entries(tensors)) program.variable(name, shape);
    const shapes = new Shapes();
    const rows = expected.inputIds;
    program.entry('run', { ids: { shape: [rows.length, rows[0].length], dtype: 'int32' } }, ({ ids }, io) => {
      const params: NamedTensors = Object.fromEntries(Object.keys(tensors).map((name) => [name, io.read(name)]));
      const losses = (p: NamedTensors): ReturnType<typeof perSampleLoss> => perSampleLoss({ model: of, params: p, ids, causal: true });
      const { value: loss, gradients: gradient } = valueAndGradients((p) => tf.mean(losses(p)), params);
      return shapes.note('run', flatten({ logits: of.logits({ params, ids, causal: true }), losses: losses(params), loss, gradient }));
    });
    await program.build();
    program.setAll(arrays);
    const outputs = shapes.of('run', program.call('run', { ids: Int32Array.from(rows.flat()) }));
    program.dispose();
    return outputs;
  }
});
