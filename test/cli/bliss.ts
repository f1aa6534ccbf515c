import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { packageRoot } from '../../lib/package-root.js';

export const MAIN = path.join(packageRoot(), 'dist', 'cli', 'main.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** text so far, both streams */
  text(): string;
  readonly ended: Promise<Ended>;
}

/** The built command line in a process of its own, with nothing of this machine's Temporal settings. */
export function start(args: readonly string[], { cwd = os.tmpdir(), env = {} }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}): Started {
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_PROFILE: _profile, BLISS_HOME: _home, ...base } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...base, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString('utf8')));
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString('utf8')));
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
  return { child, text: () => stdout + stderr, ended };
}

export const bliss = (args: readonly string[], options: Parameters<typeof start>[1] = {}): Promise<Ended> => start(args, options).ended;

/** A folder for one test; `home` in it is not made. */
export function place(): { folder: string; home: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-cli-'));
  return { folder, home: path.join(folder, 'home') };
}

/** @throws Error with what was awaited */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>, timeoutMs = 30_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Processes whose command line holds `text`, zombies not counted. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid && commandLine(pid).includes(text));
}

export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

export const readIfThere = (file: string): string | undefined => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
