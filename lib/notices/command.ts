import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { SubmittedNotices } from '../../config/sections/notices.js';
import { BlissError } from '../errors.js';
import type { Delivery } from './types.js';

/** Variable of the worker's environment: the path of a program, or a JSON list of a program and its arguments. */
export const NOTICE_COMMAND = 'BLISS_NOTICE_COMMAND';

/** What a program needs to find its way, and what it is given by its owner: tokens of the worker's own are none of it. */
const PASSED: readonly string[] = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
const GIVEN = 'BLISS_NOTICE_';

const WHERE = 'notices.command';
const EXAMPLE = '["/usr/local/bin/tell", "--channel", "training"]';
const listSchema = z.tuple([z.string().min(1)], z.string());

const invalid = (message: string, fix: string, cause?: unknown): BlissError => new BlissError({ code: 'ConfigInvalid', message, where: WHERE, fix, cause });

/** A run says that a program is to be run, never which. @throws BlissError ConfigInvalid where it does, as runs of earlier versions */
export function requireNoProgram(command: SubmittedNotices['command']): void {
  if (!Array.isArray(command)) return;
  throw invalid('this run names the program itself, and no program that a run names is run', `set ${NOTICE_COMMAND} where the CPU worker runs and write notices.command: true for the next run`);
}

/** The program that tells people, and its arguments. @throws BlissError ConfigInvalid */
export function noticeCommand(environment: Readonly<NodeJS.ProcessEnv>): readonly [program: string, ...args: string[]] {
  const written = environment[NOTICE_COMMAND]?.trim() ?? '';
  if (written === '') throw invalid(`the environment variable ${NOTICE_COMMAND} is not set where the CPU worker runs`, `set it to the path of a program or to a JSON list, as ${EXAMPLE}, and start the stack again`);
  const [program, ...args] = written.startsWith('[') ? parseList(written) : [written];
  if (isExecutable(program, environment)) return [program, ...args];
  const words = written.split(/\s+/);
  const fix = args.length === 0 && words.length > 1 && !written.startsWith('[') ? `write program and arguments as a JSON list: ${JSON.stringify(words)}` : 'give its absolute path, or a name that is found in PATH, and see that it may be executed';
  throw invalid(`${NOTICE_COMMAND} names no program that can be run: ${program}`, fix);
}

function parseList(written: string): readonly [string, ...string[]] {
  try {
    return listSchema.parse(JSON.parse(written));
  } catch (error) {
    throw invalid(`${NOTICE_COMMAND} is no JSON list of texts`, `write it as ${EXAMPLE}`, error);
  }
}

/** A relative path would depend on where the stack was started. */
function isExecutable(program: string, environment: Readonly<NodeJS.ProcessEnv>): boolean {
  if (program.includes('/')) return path.isAbsolute(program) && isExecutableFile(program);
  return (environment['PATH'] ?? '').split(path.delimiter).some((folder) => path.isAbsolute(folder) && isExecutableFile(path.join(folder, program)));
}

function isExecutableFile(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Runs the worker's program with the notice on standard input. @throws BlissError ConfigInvalid; Error where another try may do */
export function runCommand({ notice, environment, timeoutMs }: Delivery): Promise<void> {
  const [program, ...args] = noticeCommand(environment);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: smallEnvironment(environment), stdio: ['pipe', 'ignore', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' });
    let said = '';
    child.stderr.on('data', (part: Buffer) => (said = (said + part.toString('utf8')).slice(-400)));
    child.once('error', (error) => reject(invalid(`the program of ${NOTICE_COMMAND} cannot be run: ${error.message}`, 'name a program that is there on the machine of the CPU worker', error)));
    child.once('close', (code, signal) => (code === 0 ? resolve() : reject(new Error(`the command ended with ${signal ?? `code ${code}`}${said === '' ? '' : `: ${said.trim()}`}`))));
    child.stdin.on('error', () => undefined); // a command that reads nothing
    child.stdin.end(`${JSON.stringify(notice)}\n`);
  });
}

const smallEnvironment = (environment: Readonly<NodeJS.ProcessEnv>): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => PASSED.includes(name) || name.startsWith(GIVEN)));
