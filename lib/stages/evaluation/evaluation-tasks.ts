import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadTokenizer } from '../../data/index.js';
import { evaluateTasks, itemDigests, readItems, TASK_ITEMS_FILE, taskByName, taskItemsFile, type ReadItems, type TaskOutcome } from '../../evaluation/index.js';
import { createLogLikelihoodProgram } from '../../programs/index.js';
import type { NamedArrays } from '../../tensor/index.js';
import type { Corpus } from '../contents/index.js';
import { throwIfStopped } from '../execution/index.js';
import { stageAnswers } from './stage-answers.js';
import type { EvaluationInput, StageContext } from '../types.js';

/** A task's figures as the stage's summary has them. */
export type TaskSummary = Pick<TaskOutcome, 'metrics' | 'cut'> & { readonly items: number; readonly documents: number };

/** What decides the figures beside the input: the content of the items' files, wherever they lie. */
export async function taskDigests(tasks: EvaluationInput['tasks']): Promise<Readonly<Record<string, readonly string[]>> | null> {
  if (tasks === undefined) return null;
  const digests: Record<string, readonly string[]> = {};
  for (const [i, one] of tasks.of.entries()) digests[one.name] = await itemDigests(itemsAt(tasks.folder, one, i));
  return digests;
}

const itemsAt = (folder: string, { name, path: at, limit }: NonNullable<EvaluationInput['tasks']>['of'][number], i: number): ReadItems => ({ task: taskByName(name), path: at, folder, limit, field: `evaluation.tasks[${i}].path` });

export interface EvaluateOnTasks {
  readonly input: EvaluationInput & Required<Pick<EvaluationInput, 'tasks'>>;
  readonly context: StageContext;
  readonly corpus: Corpus;
  readonly weights: NamedArrays;
  /** of the held-out sets' program: what decides how this process computes */
  readonly programDigest: string;
  /** rows that the stage has done before */
  readonly rowsBefore: number;
}

/** Figures on zero-shot tasks, one metrics line a task; what each item gave goes into a file of its own. @throws BlissError DataInvalid, DataCorrupt */
export async function evaluateOnTasks({ input, context, corpus, weights, programDigest, rowsBefore }: EvaluateOnTasks): Promise<Readonly<Record<string, TaskSummary>>> {
  const { model, vocabularySize, sequenceLength, batchSize, compiler, tasks } = input;
  const read = [];
  for (const [i, one] of tasks.of.entries()) read.push({ task: taskByName(one.name), items: await context.waiting.during(() => readItems(itemsAt(tasks.folder, one, i))) });
  const tokenizer = await loadTokenizer(await corpus.artifact.file(corpus.index.tokenizer.file));
  const known = await stageAnswers({ context, programDigest });
  const outcomes = await evaluateTasks({
    known,
    tasks: read,
    tokenizer,
    vocabularySize,
    maxLength: sequenceLength,
    batchSize,
    open: async (shape) => {
      await context.phase('compiling');
      // not of the cache, out of which a length or two would drive the programs of training
      const program = await createLogLikelihoodProgram({ model, vocabularySize, ...shape, mode: compiler });
      program.setState(weights);
      return program;
    },
    onProgress: async (done, of) => {
      await context.progress({ step: rowsBefore + done, of: rowsBefore + of, amount: { value: rowsBefore + done, unit: 'rows' } });
      await known.save(rowsBefore + done);
      throwIfStopped(context);
      if (done === of) await context.phase('standard errors');
    },
  });
  for (const { task, items, metrics } of outcomes) {
    const values = metrics.flatMap(({ name, value, standardError }) => [[name, value] as const, ...(standardError === null ? [] : [[`${name}StandardError`, standardError] as const])]);
    context.metrics({ task: task.name, items: items.items.length, ...Object.fromEntries(values) });
  }
  await writeFile(path.join(context.scratch, TASK_ITEMS_FILE), JSON.stringify(taskItemsFile(outcomes)));
  return Object.fromEntries(outcomes.map(({ task, items, metrics, cut }) => [task.name, { items: items.items.length, documents: items.documents, metrics, cut }]));
}
