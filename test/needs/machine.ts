import { execFileSync, spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';
import { leaveOut, type Lack } from './needs.js';

interface ProgramInput {
  readonly context: TestContext;
  /** the first that is there is taken */
  readonly names: readonly [string, ...string[]];
  /** the package that has it */
  readonly need: Lack['need'];
}

/** A program on the PATH, or the test is left out. */
export function programOnPath({ context, names, need }: ProgramInput): string {
  return names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) ?? leaveOut(context, { need, why: `no ${names[0]} on the PATH: apt-get install ${need}` });
}

/** Leaves the test out unless this machine lets this user run a program behind another (`unshare -n`, `setpriv --reuid …`). */
export function mustRunBehind(context: TestContext, [command, ...args]: readonly [string, ...string[]]): void {
  const { status, error, stderr } = spawnSync(command, [...args, 'true'], { encoding: 'utf8' });
  if (error !== undefined) leaveOut(context, { need: 'util-linux', why: `${command} does not start: ${error.message}` });
  if (status !== 0) leaveOut(context, { need: 'permission', why: `${[command, ...args].join(' ')} is refused here: ${stderr.trim()}` });
}

interface SmallFileSystemInput {
  readonly context: TestContext;
  /** an empty one; the test unmounts it */
  readonly folder: string;
  /** as `mount` takes it: `256k` */
  readonly size: string;
  /** before the test is left out */
  readonly cleanUp?: () => void;
}

/** Mounts a file system of that size, or the test is left out. */
export function mountSmall({ context, folder, size, cleanUp }: SmallFileSystemInput): void {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    cleanUp?.();
    const isThere = !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
    leaveOut(context, { need: isThere ? 'permission' : 'util-linux', why: `no small file system can be mounted: ${String(error).split('\n').slice(0, 2).join(' ')}` });
  }
}
