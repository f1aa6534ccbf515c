import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/*
 * What somebody does who adds the selector `varied` with its stage `variety`.
 */

/** A change of a file that is there: lines before the one that the mark matches. */
interface Insertion {
  readonly before: RegExp;
  readonly lines: string;
}

/** By file: what is inserted, or a new file's text. */
export const MADE_UP: Readonly<Record<string, readonly Insertion[] | string>> = {
  'config/tables/selectors.ts': [{ before: /^\} as const satisfies Readonly<Record<string, SelectorRow>>;/m, lines: "  varied: { about: 'rows of many distinct tokens', stage: 'variety', scoredBy: 'variety', by: 'by the number of distinct tokens', score: 'distinct tokens above the mean' },\n" }],
  'config/tables/stages.ts': [{ before: /^ {2}scoring: \{ activity/m, lines: "  variety: { activity: 'measureVariety', on: ['cpu'], learns: true },\n" }],
  'config/inputs/stages.ts': [{ before: /^ {2}scoring,/m, lines: '  variety: z.object({ corpus: refSchema, group }),\n' }],
  'lib/stages/variety.ts': readFileSync(fileURLToPath(new URL('../fixtures/made-up-selector/variety.ts.txt', import.meta.url)), 'utf8'),
  'lib/stages/learning.ts': [
    { before: /^import .* from '\.\/types\.js';/m, lines: "import { variety } from './variety.js';\n" },
    { before: /\s*\};\s*$/, lines: ', variety' },
  ],
  'workflows/arm/learning.ts': [
    { before: /^\/\*\* Of which arm and round/m, lines: "/** What rows vary by. */\nexport const variety = plainStage('variety', ({ group }) => `measure the variety of group ${group}`);\n\n" },
    { before: /^\};\s*$(?![\s\S]*^\};)/m, lines: "  variety: { workflow: variety, summary: 'measure variety', input: ({ round, start: { corpus } }) => ({ corpus, group: round }) },\n" },
  ],
};

/** @throws Error where a mark is not in the file, or more than once */
export function inserted(file: string, text: string, changes: readonly Insertion[]): string {
  return changes.reduce((so, { before, lines }) => {
    const found = [...so.matchAll(new RegExp(before.source, [...new Set(`${before.flags}g`)].join('')))];
    if (found.length !== 1) throw new Error(`${file} has ${found.length} places that ${String(before)} marks, not one: give the made-up selector (test/adding) another mark`);
    const at = found[0]?.index ?? 0;
    return so.slice(0, at) + lines + so.slice(at);
  }, text);
}
