/**
 * The process of `bliss eval` that computes, under a trainer's environment: hears one EvalJob, answers with FromEval, and ends with whoever started it.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { writeFileAtomic } from '../../lib/artifacts/index.js';
import { BOOTSTRAP_SAMPLES, evaluateTasks, fileTime, harnessResults, harnessSamples, openKnownAnswers, readItems, sanitized, taskByName, type TaskOutcome } from '../../lib/evaluation/index.js';
import { openHome } from '../../lib/home.js';
import { makeHome } from '../../lib/home-folder.js';
import { packageVersion } from '../../lib/package-root.js';
import { printable } from '../../lib/printable.js';
import { errorAnswer, errorText } from '../output.js';
import type { EvalAnswer, EvalJob, FromEval } from './job.js';
import { counted } from '../../lib/counted.js';

function say(message: FromEval): Promise<void> {
  return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
}

async function evaluate(job: EvalJob): Promise<EvalAnswer> {
  const began = new Date();
  const home = openHome(job.home);
  const tasks = [];
  for (const { name, path: file } of job.tasks) {
    const task = taskByName(name);
    tasks.push({ task, items: await readItems({ task, path: file, folder: job.folder, field: '--data', limit: job.limit ?? undefined }) });
  }
  // the items first: what is wrong with them is told before TensorFlow is loaded
  await say({ type: 'phase', phase: 'opening the model' });
  const [{ openModel }, { createLogLikelihoodProgram }] = await Promise.all([import('./open-model.js'), import('../../lib/programs/index.js')]);
  const opened = await openModel(home, job.model);
  const { model, vocabularySize, tokenizer, weights, digest } = opened;
  const maxLength = job.maxLength ?? opened.contextLength;
  makeHome(home);
  const known = await openKnownAnswers({ file: path.join(home.root, 'evaluations', 'answers', `${digest}.jsonl`), model: digest, maxLength });
  let outcomes: TaskOutcome[];
  try {
    outcomes = await evaluateTasks({
      tasks,
      tokenizer,
      vocabularySize,
      maxLength,
      batchSize: job.batchSize,
      known,
      open: async (shape) => {
        await say({ type: 'phase', phase: `compiling for ${counted(shape.batchSize, 'row')} of ${counted(shape.sequenceLength, 'token')}` });
        const program = await createLogLikelihoodProgram({ model, vocabularySize, ...shape, mode: job.compiler });
        program.setState(weights);
        return program;
      },
      onProgress: async (done, of) => {
        await say({ type: 'progress', done, of });
        await yieldToEvents(); // a step blocks: what came meanwhile, as the other side's end, is heard here
      },
    });
  } finally {
    await known.close();
  }
  const folder = path.join(job.output, sanitized(job.model.named));
  await mkdir(folder, { recursive: true });
  const ended = new Date();
  const samples: string[] = [];
  for (const outcome of outcomes) {
    const file = path.join(folder, `samples_${outcome.task.name}_${fileTime(began)}.jsonl`);
    await writeFileAtomic(file, harnessSamples(outcome).map((line) => `${line}\n`).join(''));
    samples.push(file);
  }
  const results = path.join(folder, `results_${fileTime(began)}.json`);
  const parameters = Object.values(weights).reduce((sum, { length }) => sum + length, 0);
  const facts = { model: job.model.named, modelDigest: digest, parameters, maxLength, batchSize: job.batchSize, limit: job.limit, bootstrapSamples: BOOTSTRAP_SAMPLES, version: packageVersion(), began, ended };
  await writeFileAtomic(results, `${JSON.stringify(harnessResults(outcomes, facts), null, 2)}\n`);
  return {
    model: job.model.named,
    tasks: outcomes.map(({ task, items, metrics, cut }) => ({ task: task.name, version: task.version, items: items.items.length, documents: items.documents, metrics, cut })),
    results,
    samples,
  };
}

process.once('message', (job) => {
  // the sending side built it from typed values
  evaluate(job as EvalJob)
    .then((answer) => say({ type: 'done', answer }))
    .catch(async (error: unknown) => {
      const answer = errorAnswer(error);
      if (answer.code === 'Internal') process.stderr.write(`${printable(errorText(error))}\n`);
      await say({ type: 'failed', error: answer });
    })
    .finally(() => process.disconnect());
});
process.once('disconnect', () => process.exit());
