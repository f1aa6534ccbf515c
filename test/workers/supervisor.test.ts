import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';
import { supervise, type ProcessEvent, type Supervisor } from '../../workers/supervisor.js';
import { processesWith, until } from '../cli/bliss.js';

function child(script: string, name = 'child'): { supervisor: Supervisor; events: ProcessEvent[]; logFile: string } {
  const events: ProcessEvent[] = [];
  const logFile = path.join(mkdtempSync(path.join(os.tmpdir(), 'bliss-supervise-')), 'child.log');
  const supervisor = supervise({
    name,
    command: process.execPath,
    args: ['-e', script],
    environment: process.env,
    logFile,
    isReady: (line) => line === 'ready',
    onEvent: (event) => events.push(event),
    fix: 'fix it',
  });
  return { supervisor, events, logFile };
}

const STAYS = `process.on('SIGTERM', () => { process.stdout.write('saved\\n', () => process.exit(0)); }); setInterval(() => {}, 1000); console.log('ready');`;

test('what is killed is started again; what is stopped ends in its own time and stays ended', async () => {
  const { supervisor, events, logFile } = child(STAYS);
  await supervisor.ready;
  const first = supervisor.pid();
  expect(first).toBeTypeOf('number');
  process.kill(first ?? 0, 'SIGKILL');
  await until('another process', () => (supervisor.pid() !== undefined && supervisor.pid() !== first ? true : undefined));
  // the second is ready too before it is asked to end
  await until('two ready lines', () => (readFileSync(logFile, 'utf8').split('ready').length === 3 ? true : undefined));
  await supervisor.stop(5_000);
  expect(supervisor.pid()).toBeUndefined();
  expect(readFileSync(logFile, 'utf8')).toContain('saved');
  expect(events.map(({ what }) => what)).toEqual(['started', 'ended', 'restarting', 'started']);
  expect(events[1]?.how).toBe('SIGKILL');
});

test('what does not end within the grace is killed', async () => {
  const { supervisor, events } = child(`process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('ready');`);
  await supervisor.ready;
  await supervisor.stop(300);
  expect(supervisor.pid()).toBeUndefined();
  expect(events.at(-1)?.what).toBe('killed');
});

test('what ends at once, again and again, is given up, with its last words', async () => {
  const { supervisor, events } = child(`console.error('no such library: libnothing.so'); process.exit(3)`);
  const reason = await supervisor.gaveUp;
  expect(reason).toMatchObject({ code: 'CrashLoop', fix: 'fix it' });
  expect(reason.message).toContain('libnothing.so');
  expect(reason.message).toContain('code 3');
  expect(events.filter(({ what }) => what === 'started')).toHaveLength(5);
}, 20_000);

test('a supervisor that is killed takes its child with it', async () => {
  const mark = `bliss-orphan-${process.pid}-${Date.now()}`;
  const script = `
    const { supervise } = await import(${JSON.stringify(path.join(packageRoot(), 'dist/workers/supervisor.js'))});
    supervise({ name: 'child', command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000) /* ${mark}-child */'], environment: process.env,
      logFile: ${JSON.stringify(path.join(os.tmpdir(), `${mark}.log`))}, onEvent: () => undefined, fix: '' });`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
  const pids = (): number[] => processesWith(`${mark}-child`).filter((pid) => pid !== parent.pid);
  await until('the child', () => (pids().length === 1 ? true : undefined));
  parent.kill('SIGKILL');
  await until('the child’s end', () => (pids().length === 0 ? true : undefined));
});
