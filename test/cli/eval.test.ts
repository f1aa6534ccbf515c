import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { appendFile, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { EvalAnswer } from '../../cli/eval/job.js';
import { tinyFolder } from '../evaluation/tiny-folder.js';
import { bliss, commandLine, MAIN, place, processesWith, start, until } from './bliss.js';

/** The built command on tiny-neox, whose answers lm-evaluation-harness gave (test/fixtures/README.md). */
const fixtures = path.join(import.meta.dirname, '..', 'fixtures', 'lm-eval');
interface ExpectedTask {
  readonly aggregate: Readonly<Record<string, number>>;
  readonly items: readonly { readonly doc: object; readonly requests: readonly { readonly loglikelihood: number; readonly isGreedy: boolean }[] }[];
}
const expected = (JSON.parse(readFileSync(path.join(fixtures, 'expected.json'), 'utf8')) as { readonly results: { readonly maxLength1024: Readonly<Record<string, ExpectedTask>> } }).results.maxLength1024;

const { folder, home } = place();
const model = path.join(folder, 'tiny');
const data = path.join(folder, 'data');
const answersOf = (inHome: string): string[] => {
  const at = path.join(inHome, 'evaluations', 'answers');
  return existsSync(at) ? readdirSync(at).flatMap((file) => readFileSync(path.join(at, file), 'utf8').split('\n').slice(0, -1)) : [];
};
const samplesOf = ({ samples }: EvalAnswer): string[] => samples.map((file) => readFileSync(file, 'utf8'));

beforeAll(async () => {
  await tinyFolder(model);
  await mkdir(data);
  for (const [task, { items }] of Object.entries(expected)) await writeFile(path.join(data, `${task}.jsonl`), items.map(({ doc }) => JSON.stringify(doc)).join('\n'));
});

describe('bliss eval', () => {
  test('writes what the harness wrote, in its form', async () => {
    const tasks = Object.keys(expected);
    const output = path.join(folder, 'out');
    const { code, stdout, stderr } = await bliss(['eval', model, '--tasks', tasks.join(','), '--data', data, '--max-length', '1024', '--output', output, '--home', home, '--json']);
    expect([code, stderr.includes('error:')]).toEqual([0, false]);
    const answer = JSON.parse(stdout) as EvalAnswer;
    expect(path.dirname(path.dirname(answer.results))).toBe(output);
    const file = JSON.parse(readFileSync(answer.results, 'utf8')) as Record<string, Record<string, unknown>> & { results: Record<string, Record<string, unknown>> };

    for (const task of tasks) {
      for (const [key, value] of Object.entries(expected[task].aggregate)) {
        if (key === 'perplexity_stderr,none') continue; // the fixture's is of fewer samples
        if (key === 'perplexity,none') expect(Math.abs(Number(file.results[task][key]) / value - 1)).toBeLessThan(3e-5);
        else expect(file.results[task][key], `${task} ${key}`).toBeCloseTo(value, 12);
      }
      expect(file['n-samples'][task]).toEqual({ original: expected[task].items.length, effective: expected[task].items.length });
    }
    expect(file['versions']).toMatchObject({ piqa: 1, boolq: 2 });
    expect(file['n-shot']).toMatchObject({ piqa: 0 });
    expect(file['higher_is_better']).toMatchObject({ piqa: { acc: true, acc_norm: true }, lambada_openai: { perplexity: false, acc: true } });

    const lines = samplesOf(answer)[tasks.indexOf('piqa')].trimEnd().split('\n').map((line) => JSON.parse(line) as { doc: object; filtered_resps: [string, string][]; doc_id: number; acc: number });
    expect(lines.map(({ doc }) => doc)).toEqual(expected['piqa'].items.map(({ doc }) => doc));
    lines.forEach(({ filtered_resps: answers }, i) => {
      answers.forEach(([logLikelihood, isGreedy], k) => {
        const { loglikelihood: wanted, isGreedy: greedy } = expected['piqa'].items[i].requests[k];
        expect(Math.abs(Number(logLikelihood) - wanted)).toBeLessThan(3e-5);
        expect(isGreedy).toBe(greedy ? 'True' : 'False');
      });
    });
  });

  test('asks wordnet without any data, and says what it needs for others', async () => {
    const { code, stdout } = await bliss(['eval', model, '--tasks', 'wordnet', '--home', home, '--limit', '4', '--max-length', '256', '--compiler', 'graph', '--json']);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as EvalAnswer).tasks).toMatchObject([{ task: 'wordnet', items: 4, documents: 1_000, cut: { requests: 0, continuations: 0 } }]);
    const { code: failed, stderr } = await bliss(['eval', model, '--tasks', 'wordnet,piqa', '--home', home]);
    expect(failed).toBe(2);
    expect(stderr).toContain('the items of piqa are not found: no folder is given');
  });

  test('shows a table, and says what did not fit the model’s context', async () => {
    const { code, stdout } = await bliss(['eval', model, '--tasks', 'boolq', '--data', data, '--home', home, '--limit', '2', '--batch-size', '2']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/task +version +items +metric +value\nboolq +2 +2 of 3 +acc ↑ +50\.0 % ± 50\.0 %\n/);
    expect(stdout).toContain('boolq: of 4 requests the beginning does not fit');
  });

  test('of two tables that lie side by side asks the task’s own, from a folder with = and brackets in its name', async () => {
    const root = path.join(folder, 'date=2024 [v2]');
    const [item] = expected['arc_easy'].items;
    for (const [table, count] of [['ARC-Easy', 5], ['ARC-Challenge', 3]] as const) {
      await mkdir(path.join(root, 'arc_easy', table), { recursive: true });
      await writeFile(path.join(root, 'arc_easy', table, 'test-00000-of-00001.jsonl'), `${JSON.stringify(item.doc)}\n`.repeat(count));
    }
    const { code, stdout } = await bliss(['eval', model, '--tasks', 'arc_easy', '--data', 'date=2024 [v2]', '--home', home, '--limit', '1', '--max-length', '256', '--compiler', 'graph', '--json'], { cwd: folder });
    expect([code, (JSON.parse(stdout) as EvalAnswer).tasks]).toMatchObject([0, [{ task: 'arc_easy', items: 1, documents: 5 }]]);
  });

  test('that is killed goes on where it was, and ends with the same samples to the last bit', async () => {
    const items = path.join(fixtures, 'piqa', 'valid.jsonl');
    const args = (inHome: string) => ['eval', model, '--tasks', 'piqa', '--data', `piqa=${items}`, '--max-length', '512', '--batch-size', '2', '--home', inHome, '--json'];
    const [whole, cut] = [path.join(folder, 'whole'), path.join(folder, 'cut')];
    const undisturbed = await bliss(args(whole));
    expect(undisturbed.code).toBe(0);

    const { child, ended } = start(args(cut));
    await until('the first answers', () => (answersOf(cut).length > 0 ? true : undefined));
    const computing = processesWith(path.join(path.dirname(MAIN), 'eval', 'compute.js')).filter((pid) => readParent(pid) === child.pid);
    expect(computing).toHaveLength(1);
    child.kill('SIGKILL');
    await ended;
    const kept = answersOf(cut).length;
    expect(kept).toBeLessThan(answersOf(whole).length);
    await until('the end of the process that computes', () => (commandLine(computing[0]) === '' ? true : undefined));

    const resumed = await bliss(args(cut));
    expect(resumed.code).toBe(0);
    const first = /(\d+) of \d+ requests/.exec(resumed.stderr)?.[1];
    expect(Number(first)).toBeGreaterThanOrEqual(kept);
    expect(samplesOf(JSON.parse(resumed.stdout) as EvalAnswer)).toEqual(samplesOf(JSON.parse(undisturbed.stdout) as EvalAnswer));
  });

  test('that is interrupted says how to go on, and leaves no process', async () => {
    const own = path.join(folder, 'interrupted');
    const { child, ended } = start(['eval', model, '--tasks', 'piqa', '--data', `piqa=${path.join(fixtures, 'piqa', 'valid.jsonl')}`, '--max-length', '512', '--batch-size', '2', '--home', own]);
    await until('the first answers', () => (answersOf(own).length > 0 ? true : undefined));
    const [computing] = processesWith(path.join(path.dirname(MAIN), 'eval', 'compute.js')).filter((pid) => readParent(pid) === child.pid);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 130, stderr: expect.stringContaining('interrupted; the same command goes on') });
    expect(commandLine(computing)).toBe('');
  });

  test.each([
    ['a task that is not there', [], { tasks: 'piqa,pica' }, /there is no task 'pica'[\s\S]*fix: name one of sciq/],
    ['items that are not found', [], { tasks: 'arc_challenge' }, /--data: the items of arc_challenge are not found: in .* there is none of arc_challenge\.jsonl, [\s\S]*fix: get split test of allenai\/ai2_arc, ARC-Challenge/],
    ['data for no task', ['--data', 'sciq=x.jsonl'], { tasks: 'piqa' }, /sciq is none of the tasks/],
    ['a model that is not there', [], { model: '/nowhere', tasks: 'piqa' }, /\/nowhere: there is no such folder, and it names no arm of a run/],
    ['a run that is not there', [], { model: 'none/seed-0/bliss/round-1', tasks: 'piqa' }, /there is no run 'none'/],
    ['a limit that is none', ['--limit', '0'], { tasks: 'piqa' }, /--limit: '0' is no count/],
  ] as const)('refuses %s', async (_what, more, { tasks, model: named = model }: { tasks: string; model?: string }, message) => {
    const { code, stderr } = await bliss(['eval', named, '--tasks', tasks, '--data', data, '--home', home, ...more]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test('tells a bad item, and a folder that is no model, from the process that computes', async () => {
    const bad = path.join(folder, 'bad.jsonl');
    await writeFile(bad, `${JSON.stringify(expected['piqa'].items[0].doc)}\n{"goal": "g"}\n`);
    const item = await bliss(['eval', model, '--tasks', 'piqa', '--data', `piqa=${bad}`, '--home', home]);
    expect([item.code, item.stderr]).toEqual([2, expect.stringMatching(/bad\.jsonl:2: no item of piqa: the field sol1: .*\n {2}fix: correct or delete it; the columns are those of baber\/piqa/)]);

    const broken = path.join(folder, 'broken');
    await cp(model, broken, { recursive: true });
    await rm(path.join(broken, 'model.safetensors'));
    const missing = await bliss(['eval', broken, '--tasks', 'piqa', '--data', data, '--home', home, '--json']);
    expect([missing.code, JSON.parse(missing.stdout)]).toEqual([2, { error: expect.objectContaining({ code: 'DataInvalid', where: expect.stringContaining(broken) }) }]);
    await cp(path.join(model, 'model.safetensors'), path.join(broken, 'model.safetensors'));
    await appendFile(path.join(broken, 'tokenizer.json'), '}');
    expect((await bliss(['eval', broken, '--tasks', 'piqa', '--data', data, '--home', home])).stderr).toContain('the tokenizer is no JSON');
  });
});

const readParent = (pid: number): number => {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[1]);
  } catch {
    return 0;
  }
};
