import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { bliss, place } from '../bliss.js';

const errorOf = (stdout: string): { code: string; message: string; where?: string; fix?: string } => (JSON.parse(stdout) as { error: { code: string; message: string; where?: string; fix?: string } }).error;

test('a home that is a file is refused, and the file left alone', async () => {
  const { folder } = place();
  const file = path.join(folder, 'home');
  writeFileSync(file, 'mine');
  for (const [args, home] of [[['run', 'smoke'], file], [['run', 'smoke', '--detach'], path.join(file, 'below')], [['dev', '--port', '1', '--ui-port', '2'], file]] as const) {
    const ended = await bliss([...args, '--home', home, '--json']);
    expect(ended.code).toBe(2);
    expect(errorOf(ended.stdout)).toMatchObject({ code: 'Usage', where: home, message: expect.stringContaining('file') as string, fix: expect.stringContaining('--home') as string });
  }
  expect(readdirSync(folder)).toEqual(['home']);
});

/** Root may write anywhere but where the kernel makes no folders. */
test('a home that cannot be made or written to', async () => {
  const { folder } = place();
  const locked = path.join(folder, 'locked');
  mkdirSync(locked);
  chmodSync(locked, 0o555);
  const homes = process.getuid?.() === 0 ? ['/proc/bliss-home'] : ['/proc/bliss-home', locked, path.join(locked, 'below')];
  for (const home of homes) {
    const ended = await bliss(['run', 'smoke', '--home', home]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(`error: ${home}: the home cannot be `);
    expect(ended.stderr).not.toMatch(/\n\s+at /);
  }
  expect(readdirSync(locked)).toEqual([]);
}, 30_000);

test('an empty home option', async () => {
  const { folder } = place();
  const ended = await bliss(['run', 'smoke', '--home', ''], { cwd: folder });
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('--home: the home is empty') as string });
  expect(readdirSync(folder)).toEqual([]);
});

test('a home with spaces and letters of any script is a word of every command that is suggested', async () => {
  const { folder } = place();
  const home = path.join(folder, "Läufe von O'Neil 実験");
  mkdirSync(path.join(home, 'runs', 'mine', 'progress'), { recursive: true });
  writeFileSync(path.join(home, 'runs', 'mine', 'run.json'), JSON.stringify({ run: 'mine', workflowId: 'mine', server: 'local', address: '', namespace: 'default', submittedAt: '2026-01-01T00:00:00.000Z', configDigest: '0' }));
  const { stdout } = await bliss(['status', 'mine', '--home', home]);
  const resume = /stopped; (bliss resume .*)$/m.exec(stdout)?.[1] ?? '';
  const words = spawnSync('sh', ['-c', `bliss() { printf '%s\\n' "$@"; }; ${resume}`], { encoding: 'utf8' }).stdout.trim().split('\n');
  expect(words).toEqual(['resume', 'mine', '--home', home]);
  // of the variable another terminal knows nothing
  expect((await bliss(['status', 'mine'], { env: { BLISS_HOME: home } })).stdout).toContain(resume);
  // an empty variable is none
  expect((await bliss(['status'], { cwd: folder, env: { BLISS_HOME: '' } })).stdout).toContain(path.join(folder, '.bliss'));
  expect(existsSync(path.join(folder, '.bliss'))).toBe(false);
});
