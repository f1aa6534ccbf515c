import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { modelSchema } from '../../config/sections/models.js';
import { adamSchema } from '../../config/sections/training.js';
import { cacheFolder } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { checkAgreement } from '../../bench/agreement.js';
import { startContender } from '../../bench/contender.js';
import { pyTorchArguments } from '../../bench/pytorch.js';
import { outerStepSubject } from '../../bench/ours/outer-step.js';
import { scoringSubject } from '../../bench/ours/scoring.js';
import type { StepNumbers, Subject } from '../../bench/ours/subject.js';
import { trainingStepSubject } from '../../bench/ours/training-step.js';
import type { SubjectName } from '../../bench/protocol.js';

/** Both sides of each pair on a tiny model: an independent implementation, where a bench has made its environment. */
const environment = path.join(cacheFolder(), 'bench', 'pytorch');
const pins = readFileSync(path.join(packageRoot(), 'bench', 'pytorch', 'requirements.txt'), 'utf8');
const stamp = path.join(environment, 'installed-requirements.txt');
const hasPyTorch = existsSync(stamp) && readFileSync(stamp, 'utf8') === pins;
const ABSENT = 'no PyTorch: npm run bench -- scoring makes its environment';

const model = modelSchema.parse({ architecture: 'gpt-neox', layers: 2, width: 32, heads: 4, initStandardDeviation: 0.2 });
const sizes = { vocabularySize: 64, sequenceLength: 12 };
const common = { ...sizes, mode: 'graph', batches: 4, seed: 1 } as const;
const training = { ...common, model, batchSize: 3, adam: adamSchema.parse({}), gradientClip: 1, learningRate: 1e-3 };
const bilevel = bilevelSchema.parse({ batchSize: 3, validationBatchSize: 2, causalProxy: false, normaliser: 'stale', solver: { steps: 3, start: 'release', curvature: 'hessian' }, klWeight: 0.1, l2Weight: 1e-3 });
const outer = { ...common, model, proxy: model, target: model, bilevel, learningRate: 1e-3 };

async function agreement({ subject, ours, spec, numbers, relative = [] }: { subject: SubjectName; ours: (folder: string) => Promise<Subject>; spec: object; numbers: string[]; relative?: string[] }): Promise<number> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bliss-pair-'));
  const theirs = startContender({ name: 'PyTorch', program: path.join(environment, 'bin', 'python'), args: pyTorchArguments(), environment: process.env });
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
  if (!hasPyTorch) return context.skip(ABSENT);
  const difference = await agreement({ subject: 'training-step', spec: training, ours: (folder) => trainingStepSubject({ folder, spec: training }), numbers: ['loss'], relative: ['gradientNorm'] });
  expect(difference).toBeLessThan(1e-5);
});

test('three inner and outer steps have the losses, z, alignments and hypergradients that the release’s way gives in PyTorch', async (context) => {
  if (!hasPyTorch) return context.skip(ABSENT);
  await agreement({
    subject: 'outer-step',
    spec: outer,
    ours: (folder) => outerStepSubject({ folder, spec: outer }),
    numbers: ['lowerLoss', 'kl', 'upperLoss'],
    relative: ['zNorm', 'alignmentNorm', 'hypergradientNorm'],
  });
});

test('scores of three batches are those of PyTorch', async (context) => {
  if (!hasPyTorch) return context.skip(ABSENT);
  const spec = { ...common, model, batchSize: 3 };
  await agreement({ subject: 'scoring', spec, ours: (folder) => scoringSubject({ folder, spec }), numbers: ['first', 'last', 'norm'] });
});
