import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../setup/set-up.mjs';

/** A folder and those below it, to a depth, as `lib/data/sources/`. */
function folders(folder: string, depth: number): readonly string[] {
  const below = depth === 0 ? [] : readdirSync(path.join(ROOT, folder), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [`${folder}/`, ...below.flatMap(({ name }) => folders(`${folder}/${name}`, depth - 1))];
}

/** Lines of the tree in docs/design.md: a folder and what is in it. */
function tree(): readonly (readonly [folder: string, what: string])[] {
  const section = readFileSync(path.join(ROOT, 'docs', 'design.md'), 'utf8').split('### The tree\n')[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^ {4}(\S+\/) +(\S.*)$/gm)].map(([, folder = '', what = '']) => [folder, what] as const);
}

const byName = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

test.each([['lib', 2], ['cli', 2], ['workflows', 1]] as const)('the tree of the design page has every folder of %s, and none that is not there', (room, depth) => {
  const told = tree().map(([folder]) => folder).filter((folder) => folder.startsWith(`${room}/`));
  expect(told.toSorted(byName)).toEqual([...folders(room, depth)].toSorted(byName));
});
