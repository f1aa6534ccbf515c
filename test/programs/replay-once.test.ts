import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createBilevelProgram, createTrainingProgram } from '../../lib/programs/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { batchSize, bilevelSpec, initialState, sizes, tokens, trainingSpec } from './small.js';

/** One process of replay.test.ts, which runs this file twice and compares what it writes to BLISS_TEST_REPLAY. */
test('the same steps from the same state have the same bits', async () => {
  const outcome: Record<string, string> = {};
  for (const mode of ['graph', 'xla'] as const) {
    const program = await createTrainingProgram(trainingSpec(mode));
    const start = initialState(program.getState());
    const run = (): string => {
      program.setState(start);
      const losses = [1, 2, 3].map((update) => program.step({ ids: tokens(batchSize, update), learningRate: 1e-2, update }).loss);
      return digest({ ...program.getState(), losses: Float32Array.from(losses) });
    };
    outcome[`${mode} state`] = run();
    outcome[`${mode} program`] = program.digest;
    expect(run()).toBe(outcome[`${mode} state`]);
    program.dispose();
  }
  // large enough that XLA spreads its products over threads
  const LONGER = 20;
  const wide = { ...trainingSpec('xla'), sequenceLength: LONGER * sizes.sequenceLength, batchSize: 8 };
  const program = await createTrainingProgram(wide);
  program.setState(initialState(program.getState()));
  const ids = tokens(wide.batchSize * LONGER, 'wide');
  for (const update of [1, 2, 3]) program.step({ ids, learningRate: 1e-2, update });
  outcome['wide state'] = digest(program.getState());
  outcome['wide program'] = program.digest;
  program.dispose();
  const bilevel = await createBilevelProgram(bilevelSpec('graph'));
  outcome['bilevel program'] = bilevel.digest;
  bilevel.dispose();
  const file = process.env['BLISS_TEST_REPLAY'];
  if (file !== undefined) writeFileSync(file, JSON.stringify(outcome));
});

function digest(arrays: NamedArrays): string {
  const hash = createHash('sha256');
  for (const [name, { buffer, byteOffset, byteLength }] of Object.entries(arrays)) hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}
