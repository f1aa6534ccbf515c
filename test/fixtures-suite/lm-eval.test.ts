import { describe, expect, test } from 'vitest';
import { evaluateTasks, isProblem, taskByName, type ItemMetrics, type TaskItem, type TaskOutcome } from '../../lib/evaluation/index.js';
import { readHuggingFaceConfig, readSafetensors } from '../../lib/models/index.js';
import { createLogLikelihoodProgram } from '../../lib/programs/index.js';
import { holds, inFixtures, lacks, readJson } from './folder.js';

/** lm-evaluation-harness 0.4.13 itself on tiny-neox: test/fixtures/README.md. */
interface Expected {
  readonly results: Readonly<Record<string, Readonly<Record<string, ExpectedTask>>>>;
}
interface ExpectedTask {
  readonly aggregate: Readonly<Record<string, number>>;
  readonly items: readonly (Readonly<Record<string, unknown>> & {
    readonly doc: Readonly<Record<string, unknown>>;
    readonly target: unknown;
    readonly requests: readonly { readonly context: string; readonly continuation: string; readonly loglikelihood: number; readonly isGreedy: boolean }[];
  })[];
}

const recorded = holds('lm-eval', 'expected.json') && holds('tiny-neox', 'config.json') && holds('tiny-neox', 'model.safetensors');
const results = recorded ? readJson<Expected>(inFixtures('lm-eval', 'expected.json')).results : {};
/** as the fixture has it: a byte is a token, the end of a text is 0 */
const tokenizer = { encode: (text: string): number[] => [...Buffer.from(text, 'utf8')], endOfText: 0 };
/** a hand-written model keeps 1.6e-5 (README): a sum of up to a hundred log-likelihoods in float32 */
const NATS = 3e-5;
/** the fixture's perplexity has its deviation of this many samples, a hundredth of the harness' default */
const BOOTSTRAP = 1_000;

const cases = Object.entries(results).flatMap(([length, byTask]) => Object.entries(byTask).map(([task, expected]) => ({ maxLength: Number(/\d+$/.exec(length)?.[0]), task, expected })));
const itemsOf = (task: string, expected: ExpectedTask): TaskItem[] =>
  expected.items.map(({ doc }) => {
    const item = taskByName(task).read(doc);
    if (isProblem(item)) throw new Error(`${item.field} ${item.problem}`);
    return { ...item, document: doc };
  });

async function evaluate(task: string, items: readonly TaskItem[], maxLength: number): Promise<TaskOutcome> {
  const { model, vocabularySize } = readHuggingFaceConfig(readJson(inFixtures('tiny-neox', 'config.json')));
  const { arrays } = await readSafetensors(inFixtures('tiny-neox', 'model.safetensors'));
  const [outcome] = await evaluateTasks({
    tasks: [{ task: taskByName(task), items: { items, documents: items.length } }],
    tokenizer,
    vocabularySize,
    maxLength,
    batchSize: 4,
    bootstrapSamples: BOOTSTRAP,
    open: async (shape) => {
      const program = await createLogLikelihoodProgram({ model, vocabularySize, ...shape, mode: 'graph' });
      program.setState(arrays);
      return program;
    },
  });
  return outcome;
}

if (!recorded) lacks('lm-eval/expected.json with the tiny-neox that it was made with');
else {
  test('the recording has tasks and lengths', () => {
    expect(cases).not.toEqual([]);
    for (const { maxLength, task } of cases) expect(maxLength, task).toBeGreaterThan(0);
  });
}

describe.each(cases)('$task with $maxLength tokens, as the harness has it', ({ task, maxLength, expected }) => {
  test('requests are its, to the letter', () => {
    const made = itemsOf(task, expected);
    expect(made.map(({ requests }) => requests)).toEqual(expected.items.map(({ requests }) => requests.map(({ context, continuation }) => ({ context, continuation }))));
    expect(made.map(({ target }) => target)).toEqual(expected.items.map(({ target }) => target));
  });

  test('log-likelihoods, greediness, each item and the whole are its', async () => {
    const { answers, itemMetrics, metrics } = await evaluate(task, itemsOf(task, expected), maxLength);
    const given = answers.flat();
    expected.items.flatMap(({ requests }) => requests).forEach(({ context, continuation, loglikelihood, isGreedy }, i) => {
      const where = JSON.stringify(context.slice(-40) + continuation);
      expect(Math.abs(given[i].logLikelihood - loglikelihood), where).toBeLessThan(NATS);
      expect(given[i].isGreedy, where).toBe(isGreedy);
    });
    itemMetrics.forEach((own, i) => expectMetrics(own, expected.items[i]));

    for (const { name, value, standardError } of metrics) {
      // e^x keeps x's absolute error as a relative one
      const error = name === 'perplexity' ? NATS : 1e-12;
      expect(Math.abs(value / expected.aggregate[`${name},none`] - 1) < error || value === expected.aggregate[`${name},none`], `${name}: ${value}`).toBe(true);
      const deviation = expected.aggregate[`${name}_stderr,none`];
      if (deviation !== undefined) expect(Math.abs((standardError ?? Number.NaN) - deviation), `${name} ± ${standardError}, not ${deviation}`).toBeLessThanOrEqual(error * deviation);
    }
    expect(Object.keys(expected.aggregate).filter((key) => /^[a-z_]+,none$/.test(key) && !key.includes('stderr')).sort()).toEqual(taskByName(task).metrics.map((name) => `${name},none`).sort());
  });
});

function expectMetrics(own: ItemMetrics, expected: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(own)) {
    if (name === 'perplexity') expect(Math.abs(value - Number(expected[name]))).toBeLessThan(NATS);
    else expect(value, name).toBe(expected[name]);
  }
}
