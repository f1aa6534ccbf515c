import path from 'node:path';
import { writeSafetensors } from '../../lib/models/index.js';
import { randomStream } from '../../lib/random.js';
import { Program, tf } from '../../lib/tensor/index.js';
import type { Subject, SubjectInput } from './subject.js';

/** One of the three products of a linear map y = W x on a batch: forward, and its two gradients. */
export interface ProductSpec {
  readonly role: 'forward' | 'input gradient' | 'weight gradient';
  /** positions of the batch, n·T */
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
  /** how activations lie: a row a position, or a row a feature */
  readonly layout: 'positions × features' | 'features × positions';
  readonly seed: number;
}

/**
 *     positions × features    y = x Wᵀ     ∇x = ∇y W       ∇W = ∇yᵀ x
 *     features × positions    y = W x      ∇x = Wᵀ ∇y      ∇W = ∇y xᵀ
 *
 * The operands lie in variables, as those of a step do.
 */
export async function productSubject({ folder, spec }: SubjectInput<ProductSpec>): Promise<Subject> {
  const { role, rows, inputs, outputs, layout, seed } = spec;
  // as PyTorch has them: a row a position
  const shapes = { x: [rows, inputs], y: [rows, outputs], w: [outputs, inputs] };
  const arrays = { x: values([seed, 'x'], rows * inputs), y: values([seed, 'y'], rows * outputs), w: values([seed, 'w'], outputs * inputs) };
  await writeSafetensors({ path: path.join(folder, 'operands.safetensors'), arrays, shapes });

  const turned = layout === 'features × positions';
  const [left, right] = { forward: ['x', 'w'], 'input gradient': ['y', 'w'], 'weight gradient': ['y', 'x'] }[role] as ['x' | 'y', 'x' | 'w'];
  const program = new Program('product', { mode: 'xla' });
  const state: Record<string, Float32Array> = {};
  for (const name of new Set([left, right])) {
    const [n, m] = shapes[name];
    const activations = name !== 'w' && turned;
    program.variable(name, activations ? [m, n] : [n, m]);
    state[name] = activations ? transposed(arrays[name], n, m) : arrays[name];
  }
  const result = role === 'weight gradient' ? [outputs, inputs] : [rows, role === 'forward' ? outputs : inputs];
  const shape = turned && role !== 'weight gradient' ? [result[1], result[0]] : result;
  program.variable('product', shape);
  program.entry('multiply', {}, (_, io) => {
    const [a, b] = [io.read(left), io.read(right)];
    const product = {
      forward: () => (turned ? tf.matMul(b, a) : tf.matMul(a, b, false, true)),
      'input gradient': () => (turned ? tf.matMul(b, a, true, false) : tf.matMul(a, b)),
      'weight gradient': () => (turned ? tf.matMul(a, b, false, true) : tf.matMul(a, b, true, false)),
    }[role]();
    io.assign('product', product);
    return { first: tf.slice(product, [0, 0], [1, 1]) };
  });
  await program.build();
  program.setAll({ ...state, product: new Float32Array(shape[0] * shape[1]) });
  return { step: () => ({ first: program.call('multiply', {})['first'][0] }) };
}

/** uniform in [−½, ½) */
function values(key: readonly (string | number)[], size: number): Float32Array {
  const random = randomStream(...key);
  return Float32Array.from({ length: size }, () => random.uniform() - 0.5);
}

function transposed(array: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(array.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result[j * rows + i] = array[i * columns + j];
  return result;
}
