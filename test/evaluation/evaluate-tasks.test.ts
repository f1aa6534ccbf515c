import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { encodeRequest, evaluateTasks, isProblem, logLikelihoods, openKnownAnswers, readItems, taskByName, type EvaluateTasks } from '../../lib/evaluation/index.js';
import type { BatchShape } from '../../lib/evaluation/log-likelihoods.js';
import { readHuggingFaceConfig, readSafetensors } from '../../lib/models/index.js';
import { createLogLikelihoodProgram } from '../../lib/programs/index.js';
import { temporaryFolder } from '../data/temporary.js';

const fixtures = path.join(import.meta.dirname, '..', 'fixtures');
const { model, vocabularySize } = readHuggingFaceConfig(JSON.parse(await readFile(path.join(fixtures, 'tiny-neox', 'config.json'), 'utf8')));
const { arrays } = await readSafetensors(path.join(fixtures, 'tiny-neox', 'model.safetensors'));
const tokenizer = { encode: (text: string): number[] => [...Buffer.from(text, 'utf8')], endOfText: 0 };

const items = (task: string, file: string) => readItems({ task: taskByName(task), path: file, folder: path.join(fixtures, 'lm-eval'), field: 'f' });
const tasks = [
  { task: taskByName('piqa'), items: await items('piqa', 'piqa/valid.jsonl') },
  { task: taskByName('boolq'), items: await items('boolq', 'boolq.parquet') },
];

/** evaluates tiny-neox, and counts the rows that it is asked for */
async function evaluate(options: Partial<EvaluateTasks> = {}, weights = arrays) {
  let rows = 0;
  const shapes: string[] = [];
  const outcomes = await evaluateTasks({
    tasks,
    tokenizer,
    vocabularySize,
    maxLength: 512,
    batchSize: 4,
    open: async (shape) => {
      shapes.push(`${shape.batchSize} × ${shape.sequenceLength}`);
      const program = await createLogLikelihoodProgram({ model, vocabularySize, ...shape, mode: 'graph' });
      program.setState(weights);
      return { dispose: () => program.dispose(), predict: (input) => (rows++, program.predict(input)) };
    },
    ...options,
  });
  return { outcomes, batches: rows, shapes };
}

test('rows are computed longest first, in a few lengths, and fewer at once where they are long', async () => {
  const { shapes } = await evaluate({ batchSize: 300 });
  expect(shapes).toEqual(['32 × 512', '64 × 256', '128 × 128', '256 × 64']);
});

test('a task comes out alone as it does beside others, to the last bit', async () => {
  const { outcomes } = await evaluate();
  expect((await evaluate({ tasks: tasks.slice(1) })).outcomes).toEqual(outcomes.slice(1));
});

test('how many rows are computed at once changes the rounding only', async () => {
  const sums = async (batchSize: number) => (await evaluate({ batchSize })).outcomes.flatMap(({ answers }) => answers.flat().map(({ logLikelihood }) => logLikelihood));
  const [four, seven] = [await sums(4), await sums(7)];
  four.forEach((sum, i) => expect(Math.abs(sum / seven[i] - 1)).toBeLessThan(1e-6));
});

test('equal requests are asked once, so that equal choices tie and the first is taken', async () => {
  const task = taskByName('piqa');
  const document = { goal: 'g', sol1: 'same', sol2: 'same', label: 1 };
  const item = task.read(document);
  if (isProblem(item)) throw new Error(item.problem);
  const { outcomes, batches } = await evaluate({ batchSize: 1, tasks: [{ task, items: { items: [{ ...item, document }], documents: 1 } }] });
  expect(batches).toBe(1);
  expect(outcomes[0].itemMetrics).toEqual([{ acc: 0, acc_norm: 0 }]);
});

test('requests that differ in their last token only share a row, and say what they say apart', async () => {
  let rows = 0;
  const requests = [' x', ' y', ' yz'].map((continuation) => ({ ...encodeRequest({ request: { context: 'Question: g\nAnswer:', continuation }, tokenizer, maxLength: 512 }) }));
  const answers = (group: (i: number) => number) =>
    logLikelihoods({
      requests: requests.map((request, i) => ({ ...request, group: group(i) })),
      vocabularySize,
      maxLength: 512,
      batchSize: 1,
      open: async (shape) => {
        const program = await createLogLikelihoodProgram({ model, vocabularySize, ...shape, mode: 'graph' });
        program.setState(arrays);
        return { dispose: () => program.dispose(), predict: (input) => (rows++, program.predict(input)) };
      },
    });
  const together = await answers(() => 0);
  expect(rows).toBe(2);
  const apart = await answers((i) => i);
  expect(rows).toBe(2 + 3);
  together.forEach(({ logLikelihood }, i) => expect(Math.abs(logLikelihood / apart[i].logLikelihood - 1)).toBeLessThan(1e-6));
  expect(new Set(together.map(({ logLikelihood }) => logLikelihood)).size).toBe(3);
});

test('rows are padded to powers of two from 32 on, and to no more than the model takes: a batch of 2^14 tokens at most', async () => {
  const shapes: BatchShape[] = [];
  const lengths = [1, 31, 32, 33, 64, 65, 300];
  await logLikelihoods({
    requests: lengths.map((length, group) => ({ tokens: new Array<number>(length + 1).fill(7), predicted: 1, group, isCut: false, isContinuationCut: false })),
    vocabularySize,
    maxLength: 300,
    batchSize: 150,
    open: async (shape) => {
      shapes.push(shape);
      return { dispose: () => undefined, predict: ({ at }) => ({ negativeLogLikelihood: new Float32Array(at.length), correct: new Int32Array(at.length) }) };
    },
  });
  expect(shapes).toEqual([[300, 54], [128, 128], [64, 150], [32, 150]].map(([sequenceLength, batchSize]) => ({ sequenceLength, batchSize })));
});

test('what was answered before an interruption is kept, and the rest comes out to the last bit', async () => {
  const whole = await evaluate();
  const file = path.join(await temporaryFolder(), 'answers', 'a.jsonl');
  const known = await openKnownAnswers({ file, model: 'm', maxLength: 512 });
  let batches = 0;
  const stop = evaluate({ known, onProgress: async () => { if (batches++ === 2) throw new Error('interrupted'); } });
  await expect(stop).rejects.toThrow('interrupted');
  await known.close();
  await appendFile(file, '{"key":"torn'); // killed in the middle of a line

  const reopened = await openKnownAnswers({ file, model: 'm', maxLength: 512 });
  const done: number[] = [];
  const resumed = await evaluate({ known: reopened, onProgress: async (n) => void done.push(n) });
  await reopened.close();
  expect(done[0]).toBeGreaterThan(0);
  expect(resumed.batches).toBe(whole.batches - 2);
  expect(resumed.outcomes).toEqual(whole.outcomes);

  const third = await openKnownAnswers({ file, model: 'm', maxLength: 512 });
  expect((await evaluate({ known: third })).batches).toBe(0);
  await third.close();
});

test('what another model said, or the same one with another context, is not taken for this one’s', async () => {
  const file = path.join(await temporaryFolder(), 'a.jsonl');
  const request = { context: 'a', continuation: ' b' };
  const known = await openKnownAnswers({ file, model: 'm', maxLength: 512 });
  await known.add([{ request, answer: { logLikelihood: -1.5, isGreedy: true } }]);
  await known.close();
  const get = async (of: string, maxLength: number) => {
    const answers = await openKnownAnswers({ file, model: of, maxLength });
    await answers.close();
    return answers.get(request);
  };
  expect([await get('m', 512), await get('n', 512), await get('m', 64)]).toEqual([{ logLikelihood: -1.5, isGreedy: true }, undefined, undefined]);
  expect(known.get({ context: 'a ', continuation: 'b' })).toBeUndefined();
});

test('requests that do not fit are counted', async () => {
  const [piqa, boolq] = (await evaluate({ maxLength: 64 })).outcomes;
  expect([piqa.cut, boolq.cut]).toEqual([{ requests: 14, continuations: 7 }, { requests: 6, continuations: 0 }]);
});

test('a token that the model lacks and weights that are no numbers end the evaluation', async () => {
  await expect(evaluate({ tokenizer: { ...tokenizer, encode: (text) => [...tokenizer.encode(text), 256] } })).rejects.toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('the token 256, and the model has 256') });
  const [name] = Object.keys(arrays);
  await expect(evaluate({}, { ...arrays, [name]: arrays[name].slice().fill(Number.NaN) })).rejects.toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('no number') });
});
