import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { trainerEnvironment } from '../../workers/trainer/environment.js';
import { leaveOut } from '../needs/needs.js';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Peak of resident memory in MiB while a process of its own, as a trainer is, runs steps of eight blocks on rows of 512 tokens. */
function peakOf(recompute: 'none' | 'blocks'): number {
  const code = `
    import { readFileSync, writeFileSync } from 'node:fs';
    import { createModel } from '${ROOT}/dist/lib/models/index.js';
    import { createTrainingProgram } from '${ROOT}/dist/lib/programs/index.js';
    const model = { architecture: 'gpt-neox', layers: 8, width: 64, heads: 4, rotaryFraction: 0.25, rotaryBase: 10000, layerNormEpsilon: 1e-5, initStandardDeviation: 0.02 };
    const size = { vocabularySize: 64, sequenceLength: 512, batchSize: 8 };
    const adam = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
    const program = await createTrainingProgram({ model, ...size, adam, gradientClip: 1, recompute: '${recompute}', mode: 'xla' });
    const params = createModel(model).init({ vocabularySize: 64, seed: 1 });
    program.setState(Object.fromEntries(Object.keys(program.shapes).map((name) => [name, name.startsWith('params/') ? params[name.slice(7)] : new Float32Array(params[name.slice(7)].length)])));
    const ids = new Int32Array(8 * 512).map((_, i) => (i * 37) % 64);
    program.step({ ids, learningRate: 0, update: 1 });
    writeFileSync('/proc/self/clear_refs', '5'); // compiling takes memory too: the peak begins anew
    program.step({ ids, learningRate: 0, update: 2 });
    console.log('peak', (Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])) / 1024);
    process.exit(0);`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: ROOT, env: trainerEnvironment({ role: 'gpu' }), encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return Number(/peak ([\d.]+)/.exec(stdout)?.[1]);
}

test('blocks computed again lower the peak of memory of a compiled step', { timeout: 240_000 }, (context) => {
  if (process.platform !== 'linux') leaveOut(context, { need: 'linux', why: 'a peak of memory is read from /proc' });
  const kept = peakOf('none');
  const again = peakOf('blocks');
  // attention alone: 8 blocks of 8 × 4 × 512 × 512 floats are 32 MiB each, several times over; one block's at a time is less by more than that
  expect(kept - again).toBeGreaterThan(100);
});
