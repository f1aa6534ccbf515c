import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../lib/home.js';
import { packageRoot } from '../lib/package-root.js';

/** A Python that has PyTorch, or why there is none. */
export type PyTorch = { readonly python: string } | { readonly unavailable: string };

const SOURCES = path.join(packageRoot(), 'bench', 'pytorch');
const listed = (file: string): string => path.join(SOURCES, file);

/** what the benches import */
const PINS = listed('requirements.txt');
/** what tests import beside it */
const OF_TESTS = listed('requirements-tests.txt');
/** of which tests read a file: nothing that it asks for is installed */
const FILES_OF_TESTS = listed('requirements-files.txt');
/** what all these bring with them */
const CONSTRAINTS = listed('constraints.txt');

/** Lines of a failed command worth showing. */
const LAST_LINES = 6;

export interface FindPyTorchInput {
  /** an interpreter that has the pinned packages already */
  readonly python?: string;
  readonly say: (text: string) => void;
}

const environment = (): { readonly folder: string; readonly python: string; readonly stamp: string } => {
  const folder = path.join(cacheFolder(), 'bench', 'pytorch');
  return { folder, python: path.join(folder, 'bin', 'python'), stamp: path.join(folder, 'installed-requirements.txt') };
};

/** all lists, as the stamp of a finished environment has them */
const lists = (): string => [PINS, OF_TESTS, FILES_OF_TESTS, CONSTRAINTS].map((file) => readFileSync(file, 'utf8')).join('\n');

/** The interpreter of the virtual environment in the cache, where that has what is listed today. */
export function installedPython(): string | undefined {
  const { python, stamp } = environment();
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lists() ? python : undefined;
}

/**
 * A virtual environment of the pinned packages, made in the cache by the first bench that wants one and used by the next ones, and by tests.
 * Where pip cannot get them our own figures are told alone.
 */
export async function findPyTorch({ python, say }: FindPyTorchInput): Promise<PyTorch> {
  if (python !== undefined) {
    const missing = await unmetPins(python, readFileSync(PINS, 'utf8'));
    return missing === '' ? { python } : { unavailable: `${python} does not have what bench/pytorch/requirements.txt asks for: ${missing}` };
  }
  const installed = installedPython();
  if (installed !== undefined) return { python: installed };
  const { folder, python: own, stamp } = environment();
  say(`making a virtual environment with PyTorch in ${folder} (some gigabytes, once)`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.dirname(folder), { recursive: true });
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet'];
  const commands: readonly (readonly [string, readonly string[]])[] = [
    ['python3', ['-m', 'venv', folder]],
    [own, [...pip, '--constraint', CONSTRAINTS, '--requirement', PINS, '--requirement', OF_TESTS]],
    [own, [...pip, '--no-deps', '--require-hashes', '--requirement', FILES_OF_TESTS]],
  ];
  for (const [program, args] of commands) {
    const { code, output } = await capture(program, args);
    if (code !== 0) return { unavailable: `${program} ${args.slice(0, 3).join(' ')} failed: ${output.trimEnd().split('\n').slice(-LAST_LINES).join('\n')}` };
  }
  writeFileSync(stamp, lists());
  return { python: own };
}

/** Arguments of the process that answers a driver. */
export const pyTorchArguments = (): readonly string[] => [path.join(SOURCES, 'serve.py')];

/** @returns pins that this Python does not meet, as text; empty where all are met */
async function unmetPins(python: string, pins: string): Promise<string> {
  const wanted = pins.split('\n').filter((line) => line !== '');
  const names = wanted.map((pin) => pin.split('==')[0]);
  const script = `import importlib.metadata, sys\nfor name in sys.argv[1:]: print(name + '==' + importlib.metadata.version(name))`;
  const { code, output } = await capture(python, ['-c', script, ...names]);
  if (code !== 0) return output.trimEnd().split('\n').slice(-1).join('');
  const found = new Set(output.trimEnd().split('\n'));
  return wanted.filter((pin) => !found.has(pin)).join(', ');
}

async function capture(program: string, args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (part: Buffer): void => void (output += part.toString('utf8'));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? 1, output };
  } catch (error) {
    return { code: 127, output: error instanceof Error ? error.message : String(error) }; // the program is not there
  }
}
