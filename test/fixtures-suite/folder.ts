import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** A folder of the layout that test/fixtures/README.md describes; another one by BLISS_FIXTURES. */
export const fixtures = path.resolve(process.env['BLISS_FIXTURES'] ?? path.join(import.meta.dirname, '..', 'fixtures'));

export const inFixtures = (...parts: string[]): string => path.join(fixtures, ...parts);
export const holds = (...parts: string[]): boolean => existsSync(inFixtures(...parts));
/** @returns what the caller says the file holds: fixtures are ours, and a wrong one fails the test that reads it */
export const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;

/** Every recorded outer step: `ours.json` and `release.json` in outer-step/ and its subfolders. */
export function recordings(): readonly { readonly name: string; readonly folder: string; readonly file: string }[] {
  if (!holds('outer-step')) return [];
  const folders = ['.', ...readdirSync(inFixtures('outer-step'), { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name)].sort();
  return folders.flatMap((sub) =>
    ['ours.json', 'release.json']
      .filter((file) => holds('outer-step', sub, file))
      .map((file) => ({ name: path.join('outer-step', sub, file), folder: inFixtures('outer-step', sub), file: inFixtures('outer-step', sub, file) })),
  );
}
