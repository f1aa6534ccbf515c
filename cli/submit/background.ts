import { spawn } from 'node:child_process';
import { mkdirSync, openSync, closeSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { LoadedConfig } from '../../config/index.js';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { askStack, isUp } from '../../workers/home-lock.js';
import { configuredServer } from '../../workers/connection.js';
import { lastLines } from '../../workers/supervisor.js';
import { LOCAL_NAMESPACE } from '../../workers/temporal-server.js';
import type { Taken } from '../fork/index.js';
import type { ExitCode, Output } from '../output.js';
import { preemptionOf } from './preemption.js';
import { openSession, peekSession } from '../session.js';
import { settle } from '../follow/index.js';
import { submitNew, writeRun } from './submit.js';

export interface InBackground {
  readonly home: Home;
  readonly output: Output;
  readonly homeOption: string;
  readonly prepare: { readonly claim: () => string; readonly loaded: LoadedConfig; readonly fresh: boolean; readonly taken?: Taken };
}

/** `bliss run --detach`: submitted where a server stays up by itself; else a process in the background brings the stack up and takes the run through. */
export async function inBackground({ home, output, homeOption, prepare: { claim, ...newRun } }: InBackground): Promise<ExitCode> {
  const stack = await askStack(home);
  const staysUp = configuredServer() !== undefined || (stack !== undefined && (!isUp(stack) || (!stack.temporary && stack.stopping !== true)));
  let run: string;
  if (staysUp) {
    const session = await openSession({ home, output, preemption: preemptionOf(newRun.loaded) });
    try {
      run = claim();
      await submitNew({ session, home, run, ...newRun });
    } finally {
      await session.connection.close();
    }
  } else {
    run = claim();
    try {
      await writeRun({ home, run, ...newRun, server: { server: 'local', address: '', namespace: LOCAL_NAMESPACE } });
      await startResuming({ home, run });
    } catch (error) {
      rmSync(home.run(run).root, { recursive: true, force: true });
      throw error;
    }
  }
  output.say(`run ${run} is submitted. Look with: bliss status ${run} --follow${homeOption}`);
  output.answer({ run, state: 'running', digests: null, metrics: [], report: null });
  return 0;
}

const SUBMITTED_TIMEOUT_MS = 90_000;

/** `bliss resume RUN` in a session of its own: it outlives this terminal. Waits until the run is on a server. @throws BlissError with what it said */
async function startResuming({ home, run }: { readonly home: Home; readonly run: string }): Promise<void> {
  const folder = home.run(run);
  mkdirSync(folder.logFolder, { recursive: true });
  const logFile = path.join(folder.logFolder, 'follower.log');
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [path.join(packageRoot(), 'dist', 'cli', 'main.js'), 'resume', run, '--home', home.root], { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  child.unref();
  let exited = false;
  child.once('exit', () => (exited = true));
  const deadline = Date.now() + SUBMITTED_TIMEOUT_MS;
  while (!exited && Date.now() < deadline) {
    if (await isOnServer(home, run)) return;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const said = lastLines(logFile, 3).join(' | ');
  if (!exited) child.kill('SIGTERM');
  throw new BlissError({ code: 'RunFailed', message: `the run could not be started in the background: ${said}`, fix: 'run it without --detach to see more' });
}

async function isOnServer(home: Home, run: string): Promise<boolean> {
  const session = await peekSession({ home }).catch(() => undefined); // the stack that is starting may be too busy to answer
  if (session === undefined) return false;
  try {
    return (await settle({ session, home, run })).kind !== 'missing';
  } catch {
    return false; // not quite up yet
  } finally {
    await session.connection.close();
  }
}
