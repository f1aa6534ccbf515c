import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'vitest';
import { leaveOut } from '../needs/needs.js';
import { weightFiles, type Recording } from './recording.js';

/** A folder of the layout that test/fixtures/README.md describes; another one by BLISS_FIXTURES. */
export const fixtures = path.resolve(process.env['BLISS_FIXTURES'] ?? path.join(import.meta.dirname, '..', 'fixtures'));

export const inFixtures = (...parts: string[]): string => path.join(fixtures, ...parts);
export const holds = (...parts: string[]): boolean => existsSync(inFixtures(...parts));
/** @returns what the caller says the file holds: fixtures are ours, and a wrong one fails the test that reads it */
export const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;

/** What the folder lacks: told as a test that is left out. Ours lacks nothing. */
export const lacks = (what: string): void => test(`the folder has ${what}`, (context) => leaveOut(context, { need: 'fixtures', why: `${fixtures} lacks ${what}` }));

export interface Found {
  /** path within the fixtures */
  readonly name: string;
  readonly folder: string;
  readonly recording: Recording;
  /** the weights that are nowhere: without them it cannot be run */
  readonly missing: readonly string[];
}

/** Every recorded outer step, whatever its file is called: JSON with `steps`, in outer-step/ or below. */
export const found: readonly Found[] = jsonFiles('outer-step').flatMap((file) => {
  const recording = readJson<Partial<Recording>>(file);
  if (recording.steps === undefined) return [];
  const folder = path.dirname(file);
  const missing = Object.entries(weightFiles({ folder, shared: inFixtures('outer-step'), tiny: inFixtures('tiny-neox') })).flatMap(([what, weights]) => (weights === undefined ? [what] : []));
  return [{ name: path.relative(fixtures, file), folder, recording: recording as Recording, missing }];
});

/** those that can be run */
export const runnable = found.filter(({ missing }) => missing.length === 0);

function jsonFiles(under: string): string[] {
  if (!holds(under)) return [];
  return readdirSync(inFixtures(under), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => inFixtures(under, file));
}
