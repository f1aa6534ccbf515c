import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openHome, type RunRecord } from '../../../lib/home.js';
import { writeJson } from '../../../cli/runs.js';
import { bliss, place, type Ended } from '../bliss.js';

interface ErrorLine {
  readonly error: { readonly code: string; readonly message: string; readonly where?: string; readonly fix?: string; readonly mend?: string };
}
const errorOf = ({ stdout }: Ended): ErrorLine['error'] => (JSON.parse(stdout) as ErrorLine).error;

/** A run that was submitted here once, without a server. */
function leaveRun(home: string, run: string): void {
  const record: RunRecord = { run, workflowId: run, server: 'local', address: '127.0.0.1:7233', namespace: 'default', submittedAt: '2026-01-01T00:00:00.000Z', configDigest: '0' };
  mkdirSync(openHome(home).run(run).root, { recursive: true });
  writeJson(openHome(home).run(run).record, record);
}

describe('a command line that cannot be followed says so once, and leaves nothing behind', () => {
  test.each([
    ['an unknown command', ['rune'], 'Did you mean run?'],
    ['an unknown option', ['run', 'smoke', '--nmae', 'x'], '--nmae'],
    ['no argument', ['resume'], "missing required argument 'run'"],
    ['a port that is none', ['dev', '--port', 'seventy'], 'a port is a number'],
    ['a name that is no folder', ['run', 'smoke', '--name', '../up'], 'no name for a run'],
    ['a configuration that is not there', ['run', 'nothere.yaml'], 'neither a file nor a preset'],
    ['an unknown key', ['run', 'smoke', '--set', 'pretraining.stepz=3'], 'did you mean steps?'],
    ['a wrong type', ['run', 'smoke', '--set', 'pretraining.steps=ten'], 'pretraining.steps'],
    ['micro-batches that do not make up a batch', ['run', 'smoke', '--set', 'pretraining.microBatchSize=3'], 'a divisor of pretraining.batchSize'],
    ['heads that do not fit', ['run', 'llama-0.5b', '--set', 'models.target.keyValueHeads=3'], 'a divisor of heads 20'],
    ['a selection of a run that is not there', ['run', 'smoke', '--set', 'selection.from=other/round-1'], "no finished run 'other'"],
    ['an unknown run', ['status', 'nothing-1'], "no run 'nothing-1'"],
  ])('%s: exit code 2', async (_, args, says) => {
    const { home } = place();
    const ended = await bliss([...args, '--home', home]);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(says);
    expect(ended.stderr).toMatch(/^error: /);
    expect(ended.stderr).not.toMatch(/\n\s+at /); // no stack trace
    expect(existsSync(home)).toBe(false);
  });

  test('a missing input file is found before a server is started', async () => {
    const { folder, home } = place();
    const config = path.join(folder, 'mine.yaml');
    writeFileSync(config, 'extends: smoke\nname: mine\ndata:\n  sources:\n    - type: files\n      name: corpus\n      paths: [corpus/*.jsonl]\nheldOut:\n  source: { type: files, paths: [held-out.txt] }\n');
    const ended = await bliss(['run', config, '--home', home, '--json']);
    expect(ended.code).toBe(2);
    expect(errorOf(ended)).toMatchObject({ code: 'DataInvalid', where: 'data.sources[0].paths' });
    expect(errorOf(ended).message).toContain(path.join(folder, 'corpus/*.jsonl'));
    expect(existsSync(home)).toBe(false);
  });

  test('a server that is not reachable: told with its address, within seconds', async () => {
    const { home } = place();
    const ended = await bliss(['run', 'smoke', '--home', home, '--json'], { env: { TEMPORAL_ADDRESS: '127.0.0.1:1' } });
    expect(ended.code).toBe(1);
    expect(errorOf(ended)).toMatchObject({ code: 'ServerUnreachable', where: '127.0.0.1:1' });
    expect(errorOf(ended).fix).toContain('TEMPORAL_ADDRESS');
    expect(errorOf(ended).mend).toBe(errorOf(ended).fix); // its former name, for this release
    expect(existsSync(home)).toBe(false);
  }, 20_000);

  test('a profile that is not there', async () => {
    const { folder, home } = place();
    const ended = await bliss(['run', 'smoke', '--home', home, '--json'], { env: { TEMPORAL_PROFILE: 'absent', TEMPORAL_CONFIG_FILE: path.join(folder, 'none.toml') } });
    expect(ended.code).toBe(2);
    expect(errorOf(ended)).toMatchObject({ code: 'ConfigInvalid', where: 'TEMPORAL_PROFILE=absent' });
  });

  test('a Temporal binary that is not there', async () => {
    const { home } = place();
    const ended = await bliss(['run', 'smoke', '--home', home, '--json'], { env: { TEMPORAL_CLI_PATH: '/nowhere/temporal' } });
    expect(errorOf(ended)).toMatchObject({ code: 'NotSetUp', where: '/nowhere/temporal' });
    expect(existsSync(home)).toBe(false);
  });

  test('a run of that name exists: bliss resume is named, the run is left alone', async () => {
    const { home } = place();
    leaveRun(home, 'mine');
    const before = readdirSync(openHome(home).run('mine').root);
    const ended = await bliss(['run', 'smoke', '--name', 'mine', '--home', home, '--json']);
    expect(ended.code).toBe(2);
    expect(errorOf(ended)).toMatchObject({ code: 'Usage' });
    expect(errorOf(ended).fix).toContain('bliss resume mine');
    expect(readdirSync(openHome(home).run('mine').root)).toEqual(before);
  });
});

test('a run whose stack is down is stopped, not running, and nothing in it runs', async () => {
  const { home } = place();
  leaveRun(home, 'mine');
  const folder = openHome(home).run('mine');
  mkdirSync(folder.progressFolder);
  const stage = { stage: 'seed-0/prepare', state: 'running', attempt: 1, step: 3, of: 9, metrics: { loss: 4.5 }, startedAt: '2026-01-01T00:00:01.000Z', updatedAt: '2026-01-01T00:00:02.000Z', etaSeconds: 5 };
  writeJson(folder.progress(stage.stage), stage);
  const { code, stdout } = await bliss(['status', 'mine', '--home', home]);
  expect(code).toBe(0);
  expect(stdout).toContain('stopped; bliss resume mine');
  expect(stdout).toMatch(/seed-0\/prepare +preempted .* 3\/9 +loss 4\.5/);
  const { stdout: json } = await bliss(['status', '--home', home, '--json']);
  expect(JSON.parse(json)).toMatchObject({ runs: [{ run: 'mine', state: 'stopped', stages: [{ stage: 'seed-0/prepare', state: 'preempted' }] }] });
});

test('logs come in order of time, by stage or by the end of its path; an unknown stage names the known', async () => {
  const { home } = place();
  leaveRun(home, 'mine');
  const folder = openHome(home).run('mine');
  mkdirSync(folder.progressFolder);
  mkdirSync(folder.logFolder);
  for (const [stage, second] of [['seed-0/a.b/round-1/bilevel', 2], ['seed-0/prepare', 1]] as const) {
    writeJson(folder.progress(stage), { stage, state: 'done', attempt: 1, step: 1, of: 1, metrics: {}, startedAt: '', updatedAt: '' });
    writeFileSync(folder.log(stage), `2026-01-01T00:00:0${second}.000Z attempt 1: started\n`);
  }
  expect((await bliss(['logs', 'mine', '--home', home])).stdout).toBe(
    'seed-0/prepare | 2026-01-01T00:00:01.000Z attempt 1: started\nseed-0/a.b/round-1/bilevel | 2026-01-01T00:00:02.000Z attempt 1: started\n',
  );
  expect((await bliss(['logs', 'mine', 'bilevel', '--home', home])).stdout).toContain('00:00:02.000Z');
  const unknown = await bliss(['logs', 'mine', 'nothing', '--home', home]);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('seed-0/prepare');
});

test('init writes a file that loads, and refuses to overwrite it', async () => {
  const { folder } = place();
  const first = await bliss(['init', 'mine.yaml'], { cwd: folder });
  expect(first.code).toBe(0);
  const text = readFileSync(path.join(folder, 'mine.yaml'), 'utf8');
  expect(readdirSync(folder).sort()).toEqual(['mine.yaml', 'run.schema.json']);
  const second = await bliss(['init', 'mine.yaml'], { cwd: folder });
  expect(second.code).toBe(2);
  expect(readFileSync(path.join(folder, 'mine.yaml'), 'utf8')).toBe(text);
  // its own files are not there: the first thing that is wrong with it
  const run = await bliss(['run', 'mine.yaml', '--json'], { cwd: folder });
  expect(errorOf(run)).toMatchObject({ code: 'DataInvalid', where: 'data.sources[0].paths' });
});

test('doctor: exit 1 with the fix beside the piece that is missing', async () => {
  const { home } = place();
  const ended = await bliss(['doctor', '--home', home, '--json'], { env: { TEMPORAL_CLI_PATH: '/nowhere/temporal' } });
  expect(ended.code).toBe(1);
  interface Answer {
    readonly ok: boolean;
    readonly checks: readonly { readonly name: string; readonly state: string; readonly found: string; readonly fix?: string }[];
  }
  const { ok, checks } = JSON.parse(ended.stdout) as Answer;
  expect(ok).toBe(false);
  expect(checks.filter(({ state }) => state === 'missing')).toMatchObject([{ name: 'Temporal', fix: expect.stringContaining('TEMPORAL') }]);
  expect(checks.map(({ name }) => name)).toEqual(['Node', 'Build', 'TensorFlow', 'Device', 'Temporal', 'Home', 'Disk', 'Memory']);
  expect(checks.find(({ name }) => name === 'TensorFlow')).toMatchObject({ state: 'ok' });
});
