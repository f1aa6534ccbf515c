import { describe, expect, test } from 'vitest';
import { encodeRequest, isProblem, itemMetrics, taskByName, taskMetrics, TASK_NAMES } from '../../lib/evaluation/index.js';
import { MersenneTwister } from '../../lib/evaluation/mersenne-twister.js';
import { capitalize, characters, strip } from '../../lib/evaluation/python-text.js';

const bytes = { encode: (text: string): number[] => [...Buffer.from(text, 'utf8')], endOfText: 0 };

describe('a metric', () => {
  const piqa = taskByName('piqa');
  const item = piqa.read({ goal: 'g', sol1: 'aaaa', sol2: 'b', label: 1 });
  if (isProblem(item)) throw new Error(item.problem);
  const say = (...sums: readonly number[]) => sums.map((logLikelihood) => ({ logLikelihood, isGreedy: false }));

  test('is of the sum, or of the sum a character; a tie goes to the first choice', () => {
    expect(itemMetrics(piqa, item, say(-8, -9))).toEqual({ acc: 0, acc_norm: 0 });
    expect(itemMetrics(piqa, item, say(-8, -1))).toEqual({ acc: 1, acc_norm: 1 });
    expect(itemMetrics(piqa, item, say(-8, -2))).toEqual({ acc: 1, acc_norm: 0 }); // −2 a character both
    expect(itemMetrics(piqa, item, say(-2, -2))).toEqual({ acc: 0, acc_norm: 0 });
  });

  test('refuses another number of answers than there are requests', () => {
    expect(() => itemMetrics(piqa, item, say(-1))).toThrow('2 requests have 1 answers');
  });

  test('of one item has no standard error', () => {
    expect(taskMetrics(piqa, [{ acc: 1, acc_norm: 0 }]).map(({ value, standardError }) => [value, standardError])).toEqual([[1, null], [0, null]]);
  });

  test('of the hundred thousand samples that the harness draws has the deviation that its definition gives', () => {
    // Python: random.Random() seeded by 0 … 99, 1,000 times random.choices(xs, k=4) each, exp(−mean), sample deviation
    const values = [-24.0057525634765625, -35.46468734741211, -32.69092559814453, -28.260295867919922];
    const [perplexity] = taskMetrics(taskByName('lambada_openai'), values.map((value) => ({ perplexity: value, acc: 0 })));
    expect(Math.abs((perplexity.standardError ?? 0) / 250873839309795.53 - 1)).toBeLessThan(1e-12);
  });
});

test("the generator is Python's", () => {
  const zero = new MersenneTwister(0);
  expect([zero.uniform(), zero.uniform()]).toEqual([0.8444218515250481, 0.7579544029403025]);
  const other = new MersenneTwister(99);
  const thousand = Array.from({ length: 1_000 }, () => other.uniform());
  expect([thousand[0], thousand[999]]).toEqual([0.40397807494366633, 0.15455054961261028]);
});

describe('a request', () => {
  const encode = (context: string, continuation: string, maxLength = 100) => encodeRequest({ request: { context, continuation }, tokenizer: bytes, maxLength });

  test('gives the white space that its context ends with to the continuation', () => {
    expect(encode('ab \n', ' c')).toEqual({ tokens: bytes.encode('ab \n c'), predicted: 4, isCut: false, isContinuationCut: false });
  });

  test('of no context, or of white space alone, begins with the end of a text', () => {
    expect(encode('', 'ab').tokens).toEqual([0, 97, 98]);
    expect(encode(' ', 'ab')).toMatchObject({ tokens: [0, 32, 97, 98], predicted: 3 });
    expect(encode('', '\0a')).toMatchObject({ tokens: [0, 97], predicted: 1 });
  });

  test('keeps T+1 tokens from the right, of which the model reads T', () => {
    expect(encode('abcdef', 'gh', 4)).toEqual({ tokens: bytes.encode('defgh'), predicted: 2, isCut: true, isContinuationCut: false });
    expect(encode('ab', 'cdefgh', 4)).toEqual({ tokens: bytes.encode('defgh'), predicted: 4, isCut: true, isContinuationCut: true });
  });

  test('is encoded whole: what merges over the border counts to the continuation as far as it goes beyond the context alone', () => {
    const pairs = { endOfText: 0, encode: (text: string) => (text.match(/ab|./gu) ?? []).map((part) => part.codePointAt(0) ?? 0) };
    // `xa` alone is two tokens, `xab` is two: nothing is left of the continuation
    expect(encodeRequest({ request: { context: 'xa', continuation: 'b' }, tokenizer: pairs, maxLength: 9 })).toMatchObject({ predicted: 0 });
  });
});

describe("Python's words", () => {
  test('strip takes U+0085 and leaves U+FEFF', () => expect(strip('\u0085 \x1ca\uFEFF\n')).toBe('a\uFEFF'));
  test('capitalize lowers the rest and raises one character', () => expect([capitalize('the WAVE'), capitalize(''), capitalize('ßA'), capitalize('éa')]).toEqual(['The wave', '', 'Ssa', 'Éa']));
  test('a length is in characters', () => expect(characters('a😀é')).toBe(3));
});

describe('a document', () => {
  const whole: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    sciq: { support: 's', question: 'q', distractor1: 'a', distractor2: 'b', distractor3: 'c', correct_answer: 'd' },
    arc_easy: { question: 'q', choices: { text: ['a', 'b'], label: ['A', 'B'] }, answerKey: 'B' },
    arc_challenge: { question: 'q', choices: { text: ['a', 'b'], label: ['1', '2'] }, answerKey: '1' },
    logiqa: { context: 'c', question: 'q', options: ['w', 'x', 'y', 'z'], label: 'c\n' },
    openbookqa: { question_stem: 'q', choices: { text: ['a', 'b'], label: ['A', 'B'] }, answerKey: ' A' },
    boolq: { passage: 'p', question: 'q', label: 1 },
    hellaswag: { activity_label: 'l', ctx_a: 'a', ctx_b: 'b', endings: ['w', 'x'], label: '1' },
    piqa: { goal: 'g', sol1: 'a', sol2: 'b', label: 0 },
    winogrande: { sentence: 'a _ b', option1: 'x', option2: 'y', answer: '2' },
    lambada_openai: { text: 'a b' },
    wordnet: { definition: 'd', choices: ['w', 'x', 'y', 'z'], answer: 3 },
  };
  test.each(TASK_NAMES)('of %s is read in its columns, and a missing one is named', (name) => {
    const task = taskByName(name);
    const document = whole[name];
    const item = task.read(document);
    expect(isProblem(item)).toBe(false);
    for (const field of Object.keys(document)) {
      const { [field]: _missing, ...rest } = document;
      expect(task.read(rest), field).toMatchObject({ field });
    }
  });

  test.each([
    ['piqa', { label: -1 }, 'label', 'names none of the 2 choices'],
    ['arc_easy', { answerKey: 'C' }, 'answerKey', 'names none of the 2 choices'],
    ['arc_easy', { choices: { text: ['a', 3], label: ['A', 'B'] } }, 'choices.text[1]', 'expected string'],
    ['openbookqa', { choices: { text: ['a'], label: ['A', 'B'] } }, 'choices', 'other lengths'],
    ['hellaswag', { label: '' }, 'label', 'the test split has no labels'],
    ['winogrande', { sentence: 'no gap' }, 'sentence', 'has no gap'],
    ['winogrande', { answer: '' }, 'answer', 'the test split has no answers'],
    ['lambada_openai', { text: 'word' }, 'text', 'nothing before it'],
    ['logiqa', { label: 'e' }, 'label', 'names none of the 4 choices'],
  ])('of %s with %j says of %s that it %s', (name, wrong, field, problem) => {
    expect(taskByName(name).read({ ...whole[name], ...wrong })).toEqual({ field, problem: expect.stringContaining(problem) });
  });

  test('of a task that is not there names those that are', () => {
    expect(() => taskByName('pica')).toThrow("there is no task 'pica'; name one of sciq, arc_easy");
  });
});
