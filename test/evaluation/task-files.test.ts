import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findTaskFiles } from '../../cli/eval/task-files.js';
import { itemDigests, readItems } from '../../lib/evaluation/items.js';
import { TASK_NAMES, taskByName } from '../../lib/evaluation/index.js';
import { temporaryFolder } from '../data/temporary.js';

const arc = (of: string, count: number): string => Array.from({ length: count }, (_, i) => `${JSON.stringify({ question: `${of} ${i}?`, choices: { text: ['a', 'b'], label: ['A', 'B'] }, answerKey: 'A' })}\n`).join('');

async function laidOut(files: Readonly<Record<string, string>>, folder = ''): Promise<string> {
  const root = path.join(await temporaryFolder(), folder);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), content);
  }
  return root;
}
const empty = (names: readonly string[]): Readonly<Record<string, string>> => Object.fromEntries(names.map((name) => [name, '']));

/** what is found for a task in a folder, relative to it */
async function found(task: string, names: readonly string[]): Promise<readonly string[]> {
  const root = await laidOut(empty(names));
  const [{ path: files = [] }] = await findTaskFiles({ tasks: [taskByName(task)], data: ['.'], cwd: root });
  return [files].flat().map((file) => path.relative(root, file));
}

const SPLITS = ['train', 'validation', 'test'];
const withTables = TASK_NAMES.map(taskByName).filter(({ own, table }) => own === undefined && table !== undefined);

describe('a folder of tasks as the hub lays them out', () => {
  test.each(withTables.map((task) => [task.name, task] as const))('%s: its own table and split alone', async (name, { table, split }) => {
    const tables = [table?.name ?? '', ...(table?.others ?? [])];
    const names = tables.flatMap((one) => SPLITS.flatMap((of) => [0, 1].map((shard) => `${name}/${one}/${of}-0000${shard}-of-00002.parquet`)));
    expect(await found(name, names)).toEqual([0, 1].map((shard) => `${name}/${tables[0]}/${split}-0000${shard}-of-00002.parquet`));
    // as the hub converts data sets: splits are folders
    expect(await found(name, tables.flatMap((one) => SPLITS.flatMap((of) => ['0000', '0001'].map((file) => `${name}/${one}/${of}/${file}.parquet`))))).toEqual(['0000', '0001'].map((file) => `${name}/${tables[0]}/${split}/${file}.parquet`));
    for (const other of table?.others ?? []) {
      await expect(found(name, [`${name}/${other}/${split}.jsonl`])).rejects.toMatchObject({ code: 'DataInvalid', where: '--data', bare: expect.stringContaining(`other tables than that of ${name}`), fix: expect.stringContaining(split) });
    }
    // a folder beside its own is another table, known or not
    expect(await found(name, [`${name}/${tables[0]}/${split}.jsonl`, `${name}/another/${split}.jsonl`])).toEqual([`${name}/${tables[0]}/${split}.jsonl`]);
  });

  test('the table may be told by the file’s name', async () => {
    const languages = ['', '_de', '_en', '_es', '_fr', '_it'].map((suffix) => `lambada_openai/data/lambada_test${suffix}.jsonl`);
    expect(await found('lambada_openai', languages)).toEqual([languages[0]]);
    expect(await found('arc_easy', ['arc_easy/ARC-Challenge-Test.jsonl', 'arc_easy/ARC-Easy-Test.jsonl', 'arc_easy/ARC-Easy-Dev.jsonl'])).toEqual(['arc_easy/ARC-Easy-Test.jsonl']);
  });

  test.each([
    ['piqa', ['piqa.jsonl'], ['piqa.jsonl']],
    ['piqa', ['piqa-train.jsonl', 'piqa-valid.jsonl', 'piqa-test.jsonl'], ['piqa-valid.jsonl']],
    ['piqa', ['piqa_val.jsonl.zst'], ['piqa_val.jsonl.zst']],
    ['hellaswag', ['hellaswag/data/train.parquet', 'hellaswag/data/validation.parquet'], ['hellaswag/data/validation.parquet']],
    ['arc_easy', ['arc_easy.parquet', 'arc_challenge.parquet'], ['arc_easy.parquet']],
    ['arc_easy', ['arc_easy/mine/test.jsonl'], ['arc_easy/mine/test.jsonl']],
  ])('%s is found in %j', async (task, names, wanted) => {
    expect(await found(task, names)).toEqual(wanted);
  });

  test.each([
    ['arc_easy', ['arc_easy/a/test.jsonl', 'arc_easy/b/test.jsonl'], ['arc_easy/a/test.jsonl', 'arc_easy/b/test.jsonl']],
    ['arc_easy', ['arc_easy.jsonl', 'arc_easy/ARC-Easy/test.jsonl'], ['arc_easy.jsonl', 'arc_easy/ARC-Easy/test.jsonl']],
    ['piqa', ['piqa.jsonl', 'piqa.parquet'], ['piqa.jsonl', 'piqa.parquet']],
    ['piqa', ['piqa/valid.jsonl', 'piqa/dev.jsonl'], ['piqa/dev.jsonl', 'piqa/valid.jsonl']],
  ])('several tables that fit %s are an error that lists them: %j', async (task, names, listed) => {
    await expect(found(task, names)).rejects.toMatchObject({ code: 'DataInvalid', bare: expect.stringContaining(listed.join(', ')), fix: `name the one that is meant: --data ${task}=FILE` });
  });

  test('a shard that is missing is told', async () => {
    await expect(found('piqa', ['piqa/validation-00000-of-00003.jsonl', 'piqa/validation-00002-of-00003.jsonl'])).rejects.toMatchObject({ code: 'DataInvalid', bare: expect.stringContaining('has 3 files by their names, and 2 of them are there') });
  });
});

describe('items', () => {
  const both = { 'arc_easy/ARC-Easy/test-00000-of-00001.jsonl': arc('easy', 40), 'arc_easy/ARC-Easy/train-00000-of-00001.jsonl': arc('train', 7), 'arc_easy/ARC-Challenge/test-00000-of-00001.jsonl': arc('hard', 25) };

  test('of two tables side by side are those of the task’s own, from --data and from evaluation.tasks', async () => {
    const root = await laidOut(both, 'a folder [v2] with *');
    const task = taskByName('arc_easy');
    const [{ path: files }] = await findTaskFiles({ tasks: [task], data: [root], cwd: '/' });
    const own = { items: expect.objectContaining({ length: 40 }), documents: 40 };
    expect(await readItems({ task, path: files, folder: '/', field: '--data' })).toMatchObject(own);
    const ofRun = { task, path: 'arc_easy', folder: root, field: 'evaluation.tasks[0].path' };
    expect(await readItems(ofRun)).toMatchObject(own);
    expect(await itemDigests(ofRun)).toHaveLength(1);
    await expect(readItems({ ...ofRun, task: taskByName('winogrande') })).rejects.toMatchObject({ code: 'DataInvalid', where: ofRun.field, bare: expect.stringMatching(/holds no file of split validation of winogrande/) });
  });

  test('of a glob that matches several splits or tables are an error that lists them', async () => {
    const root = await laidOut(both);
    const read = (glob: string, task = 'arc_easy') => readItems({ task: taskByName(task), path: glob, folder: root, field: 'evaluation.tasks[0].path' });
    await expect(read('arc_easy/*/test*.jsonl')).rejects.toMatchObject({ code: 'DataInvalid', where: 'evaluation.tasks[0].path', bare: expect.stringMatching(/several splits or tables match: .*ARC-Challenge\/test.*, .*ARC-Easy\/test/), fix: expect.stringContaining('allenai/ai2_arc, ARC-Easy') });
    await expect(read('arc_easy/ARC-Easy/*.jsonl')).rejects.toMatchObject({ code: 'DataInvalid' });
    expect((await read('arc_easy/ARC-Easy/test*.jsonl')).documents).toBe(40);
    // who names a file means it
    expect((await read('arc_easy/ARC-Easy/train-00000-of-00001.jsonl')).documents).toBe(7);
  });
});

describe('--data', () => {
  const find = (data: readonly string[], cwd: string, tasks = ['piqa']) => findTaskFiles({ tasks: tasks.map(taskByName), data, cwd });

  test('with = in its name is a folder, where no task stands before it', async () => {
    const cwd = await laidOut(empty(['date=2024/piqa.jsonl', 'piqa=2024/piqa.jsonl', 'x.jsonl']));
    expect(await find(['date=2024'], cwd)).toEqual([{ name: 'piqa', path: [path.join(cwd, 'date=2024/piqa.jsonl')] }]);
    expect(await find(['./piqa=2024'], cwd)).toEqual([{ name: 'piqa', path: [path.join(cwd, 'piqa=2024/piqa.jsonl')] }]);
    expect(await find(['piqa=a=b/*.jsonl'], cwd)).toEqual([{ name: 'piqa', path: 'a=b/*.jsonl' }]);
    expect(await find(['date=2024', 'piqa=x.jsonl'], cwd)).toEqual([{ name: 'piqa', path: 'x.jsonl' }]);
  });

  test.each([
    [['pica=x.jsonl'], /no folder .*pica=x\.jsonl, and pica is no task/, 'did you mean piqa=x.jsonl?'],
    [['date=2025'], /no folder .*date=2025, and date is no task/, 'check the path; tasks are sciq'],
    [['nowhere'], /no folder .*nowhere$/, 'check the path'],
    [['x.jsonl'], /x\.jsonl is no folder/, 'say which task its items are of: --data TASK=x.jsonl'],
    [['sciq=x.jsonl'], /sciq is none of the tasks/, 'name it in --tasks too, or leave sciq=x.jsonl out'],
    [['piqa=x.jsonl', 'piqa=y.jsonl'], /piqa is named twice/, 'with a glob'],
  ])('%j is refused', async (data, message, fix) => {
    const cwd = await laidOut(empty(['x.jsonl']));
    await expect(find(data, cwd)).rejects.toMatchObject({ code: 'Usage', where: '--data', bare: expect.stringMatching(message), fix: expect.stringContaining(fix) });
  });

  test('folders are looked through in their order, and the first that has the items counts', async () => {
    const cwd = await laidOut(empty(['a/sciq.jsonl', 'b/piqa.jsonl', 'c/piqa.jsonl']));
    expect(await find(['a', 'b', 'c'], cwd)).toEqual([{ name: 'piqa', path: [path.join(cwd, 'b/piqa.jsonl')] }]);
  });
});
