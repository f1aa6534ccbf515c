import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { codeOf } from '../lib/code-of.js';
import { BlissError } from '../lib/errors.js';
import type { Home, RunFolder, RunRecord } from '../lib/home.js';
import { makeHome } from '../lib/home-folder.js';
import type { PipelineResult } from '../workflows/types.js';
import type { ErrorAnswer } from './output.js';

/** `outcome.json`: how a run ended. Written by whoever first sees it closed. */
export interface RunOutcome {
  readonly state: 'done' | 'failed' | 'cancelled' | 'terminated' | 'timed-out';
  readonly finishedAt: string;
  readonly result?: PipelineResult;
  readonly failure?: ErrorAnswer & { readonly stage?: string };
}

/** A run's name is a folder, a workflow id and a word on a command line. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** @throws BlissError Usage */
export function checkRunName(run: string): string {
  if (NAME.test(run)) return run;
  throw new BlissError({ code: 'Usage', message: `'${run}' is no name for a run`, fix: 'use lower-case letters, digits, . _ and -, at most 63, starting with a letter or digit' });
}

/** Runs of a home, the oldest first. */
export function listRuns(home: Home): RunRecord[] {
  if (!existsSync(home.runs)) return [];
  return readdirSync(home.runs)
    .flatMap((run) => readRecord(home, run) ?? [])
    .sort((a, b) => a.submittedAt.localeCompare(b.submittedAt) || a.run.localeCompare(b.run));
}

export const readRecord = (home: Home, run: string): RunRecord | undefined => (NAME.test(run) ? readJson<RunRecord>(home.run(run).record) : undefined);

/** @throws BlissError Usage, naming the runs there are */
export function requireRecord(home: Home, run: string): RunRecord {
  const record = readRecord(home, checkRunName(run));
  if (record !== undefined) return record;
  const names = listRuns(home).map((each) => each.run);
  throw new BlissError({
    code: 'Usage',
    message: `there is no run '${run}'`,
    where: home.runs,
    fix: names.length === 0 ? 'start one with `bliss run`, or name its home with --home' : `runs here: ${names.slice(-8).join(', ')}; other homes by --home`,
  });
}

/** How a run ended. Earlier versions wrote a failure's `fix` as `mend`. */
export function readOutcome(folder: RunFolder): RunOutcome | undefined {
  const outcome = readJson<RunOutcome & { readonly failure?: { readonly mend?: string } }>(folder.outcome);
  if (outcome?.failure?.mend === undefined) return outcome;
  const { mend, ...failure } = outcome.failure;
  return { ...outcome, failure: { fix: mend, ...failure } };
}

/** Reserves the name by making the folder. @returns false where it is taken */
export function claimRunFolder(home: Home, run: string): boolean {
  makeHome(home);
  mkdirSync(home.runs, { recursive: true });
  try {
    mkdirSync(home.run(run).root);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

export function writeJson(file: string, value: unknown): void {
  writeText(file, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** Written beside and renamed: a reader sees all or nothing. */
export function writeText(file: string, text: string): void {
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file);
}

/** Our own files; one that is being replaced or was cut off counts as absent. */
export function readJson<T>(file: string): T | undefined {
  if (!existsSync(file) || !statSync(file).isFile()) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
