import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { expect, test } from 'vitest';
import { readJson } from '../../../cli/runs.js';
import { openHome } from '../../../lib/home.js';
import type { StackInfo } from '../../../workers/home-lock.js';
import { freePort } from '../../../workers/ports.js';
import { twoMachines } from '../../durability/two-machines.js';
import { bliss, commandLine, MAIN, place, processesWith, start, until, type Started } from '../bliss.js';

const errorOf = (stdout: string): { code?: string; message?: string; fix?: string } => (JSON.parse(stdout) as { error?: { code: string; message: string; fix: string } }).error ?? {};

test('a stack in another network namespace has the home: every command that would start or ask one says so, the same, and starts none; when it is killed the home is free at once', { timeout: 180_000 }, async (context) => {
  const machines = twoMachines(context);
  const home = openHome(place().home);
  mkdirSync(home.store, { recursive: true });
  mkdirSync(home.run('mine').progressFolder, { recursive: true });
  writeFileSync(home.run('mine').record, JSON.stringify({ run: 'mine', workflowId: 'mine', server: 'local', address: '', namespace: 'default', submittedAt: '2026-01-01T00:00:00.000Z', configDigest: '0' }));
  writeFileSync(home.run('mine').input, JSON.stringify({ config: { worker: { preemptionNotice: 25 } } }));
  const [command, ...args] = machines.on('worker', [process.execPath, MAIN, 'dev', '--home', home.root]);
  const far = spawn(command, args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => far.once('exit', resolve));
  let near: Started | undefined;
  const servers = (): number[] => processesWith(home.root).filter((pid) => commandLine(pid).includes('start-dev'));
  const upFrom = (pid: number | undefined): Promise<StackInfo> => until('the stack', () => {
    const said = readJson<StackInfo>(home.stackFile);
    return said !== undefined && said.pid === pid ? said : undefined;
  }, 60_000);
  try {
    const { pid } = await upFrom(far.pid);
    const before = servers();
    const ports = ['--port', String(await freePort()), '--ui-port', String(await freePort())];
    const commands = [['run', 'smoke'], ['run', 'smoke', '--detach'], ['resume', 'mine'], ['pause', 'mine'], ['cancel', 'mine'], ['budget', 'mine', '--gpu-hours', '1'], ['stop-after', 'mine', '--round', '1'], ['gc'], ['dev', ...ports]];
    const refusals = new Set<string>();
    for (const words of commands) {
      const { code, stdout } = await bliss([...words, '--home', home.root, '--json']);
      expect([words, code, errorOf(stdout).code]).toEqual([words, 1, 'HomeInUse']);
      refusals.add(JSON.stringify(errorOf(stdout)));
    }
    expect([...refusals]).toHaveLength(1);
    const refusal = `the stack of process ${pid} on host ${os.hostname()}, in another container or network namespace of this machine`;
    expect([...refusals][0]).toContain(refusal);
    expect([...refusals][0]).toContain(`\`kill ${pid}\``);
    rmSync(home.run('mine').input); // it names no stages
    const status = await bliss(['status', 'mine', '--home', home.root]);
    expect(status).toMatchObject({ code: 0, stdout: expect.stringMatching(/mine.*unknown/) });
    expect(status.stdout).toContain(refusal);
    const doctor = await bliss(['doctor', '--home', home.root]);
    expect(doctor).toMatchObject({ code: 1, stdout: expect.stringContaining(refusal) });
    expect(servers()).toEqual(before);

    far.kill('SIGKILL');
    near = start(['dev', '--home', home.root, ...ports]);
    await upFrom(near.child.pid);
    expect(near.text()).not.toContain('in use');
  } finally {
    for (const child of [far, near?.child]) child?.kill('SIGKILL'); // what they have started dies with them
    await Promise.all([ended, near?.ended]);
    machines.remove();
  }
});
