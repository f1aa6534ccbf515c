import { expect, test } from 'vitest';
import { Program, tf, valueAndGradients } from '../../lib/tensor/index.js';

test('x', async () => {
  for (const mode of ['eager', 'graph', 'xla'] as const) {
    const program = new Program('p', { mode });
    program.variable('a/w', [3]).variable('b', [3]);
    program.entry('step', { x: { shape: [3], dtype: 'float32' }, lr: { shape: [], dtype: 'float32' } }, ({ x, lr }, io) => {
      const w = io.read('a/w');
      const { value, gradients } = valueAndGradients((p) => tf.sum(tf.exp(tf.mul(p['w'], x))), { w });
      io.assign('a/w', tf.sub(w, tf.mul(lr, gradients['w'])));
      io.assign('b', w);
      return { value };
    });
    const t = performance.now();
    await program.build();
    program.setAll({ 'a/w': Float32Array.of(1, 2, 3), b: new Float32Array(3) });
    console.log(mode, program.call('step', { x: Float32Array.of(0.1, 0.2, 0.3), lr: 0.1 }), program.getAll(), program.digest, performance.now() - t);
    program.dispose();
  }
  expect(1).toBe(1);
});
