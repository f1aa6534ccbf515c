import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { modelSchema } from '../../config/sections/models.js';
import { adamSchema } from '../../config/sections/training.js';
import { checkAgreement } from '../../bench/agreement.js';
import { startContender } from '../../bench/contender.js';
import { pyTorchArguments } from '../../bench/pytorch.js';
import { outerStepSubject } from '../../bench/ours/outer-step.js';
import { scoringSubject } from '../../bench/ours/scoring.js';
import type { StepNumbers, Subject } from '../../bench/ours/subject.js';
import { trainingStepSubject } from '../../bench/ours/training-step.js';
import type { SubjectName } from '../../bench/protocol.js';
import { pythonWith } from '../needs/python.js';

/** Both sides of each pair on a tiny model: an independent implementation. */
const PACKAGES = ['numpy', 'safetensors', 'torch'];

const model = modelSchema.parse({ architecture: 'gpt-neox', layers: 2, width: 32, heads: 4, initStandardDeviation: 0.2 });
const sizes = { vocabularySize: 64, sequenceLength: 12 };
const common = { ...sizes, mode: 'graph', batches: 4, seed: 1 } as const;
const training = { ...common, model, batchSize: 3, adam: adamSchema.parse({}), gradientClip: 1, learningRate: 1e-3 };
const bilevel = bilevelSchema.parse({ batchSize: 3, validationBatchSize: 2, causalProxy: false, normaliser: 'stale', solver: { steps: 3, start: 'release', curvature: 'hessian' }, klWeight: 0.1, l2Weight: 1e-3 });
const outer = { ...common, model, proxy: model, target: model, bilevel, learningRate: 1e-3 };

async function agreement({ python, subject, ours, spec, numbers, relative = [] }: { python: string; subject: SubjectName; ours: (folder: string) => Promise<Subject>; spec: object; numbers: string[]; relative?: string[] }): Promise<number> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bliss-pair-'));
  const theirs = startContender({ name: 'PyTorch', program: python, args: pyTorchArguments(), environment: process.env });
  try {
    const side = await ours(folder);
    const steps: StepNumbers[] = [];
    for (let i = 0; i < 3; i++) steps.push(await side.step());
    const prepared = await theirs.ask({ ask: 'prepare', subject, folder, spec: { ...spec, compile: false }, threads: 1, checked: 3 });
    const { milliseconds } = await theirs.ask({ ask: 'repeat', untimed: 1, steps: 2 });
    expect(milliseconds).toBeGreaterThan(0);
    return checkAgreement({ ours: steps, theirs: prepared.steps, who: subject, numbers, relative });
  } finally {
    await theirs.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

test('three training steps have the losses that PyTorch has', async (context) => {
  const python = pythonWith(context, PACKAGES);
  const difference = await agreement({ python, subject: 'training-step', spec: training, ours: (folder) => trainingStepSubject({ folder, spec: training }), numbers: ['loss'], relative: ['gradientNorm'] });
  expect(difference).toBeLessThan(1e-5);
});

test('three inner and outer steps have the losses, z, alignments and hypergradients that the release’s way gives in PyTorch', async (context) => {
  const python = pythonWith(context, PACKAGES);
  await agreement({
    python,
    subject: 'outer-step',
    spec: outer,
    ours: (folder) => outerStepSubject({ folder, spec: outer }),
    numbers: ['lowerLoss', 'kl', 'upperLoss'],
    relative: ['zNorm', 'alignmentNorm', 'hypergradientNorm'],
  });
});

test('scores of three batches are those of PyTorch', async (context) => {
  const python = pythonWith(context, PACKAGES);
  const spec = { ...common, model, batchSize: 3 };
  await agreement({ python, subject: 'scoring', spec, ours: (folder) => scoringSubject({ folder, spec }), numbers: ['first', 'last', 'norm'] });
});
