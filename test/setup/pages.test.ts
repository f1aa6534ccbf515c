import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../setup/set-up.mjs';
import { bliss } from '../cli/bliss.js';

const ROOMS = ['activities', 'bench', 'cli', 'config', 'lib', 'setup', 'workers', 'workflows'];
/** A page that is generated is as long as its descriptions, and the changelog is of its time. */
const PAGES = ['README.md', 'CONTRIBUTING.md', ...readdirSync(path.join(ROOT, 'docs')).filter((name) => name.endsWith('.md') && name !== 'configuration.md').map((name) => `docs/${name}`)];
const LONGEST_LINE = 160;

const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

/** Lines of a text without code and tables that are too long, with their numbers. */
function longLines(text: string): readonly string[] {
  const prose = text.replaceAll(/^ *```[^]*?^ *```$/gm, (code) => code.replaceAll(/.+/g, ''));
  return prose.split('\n').flatMap((line, i) => (line.length <= LONGEST_LINE || /^(\|| {4})/.test(line) ? [] : [`${i + 1}: ${line}`]));
}

/** Sources that a text names in backquotes, placeholders as NAME and * aside. */
const sourcesIn = (text: string): readonly string[] =>
  [...text.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name).filter((name) => /^[a-z-]+\/[\w./-]+\.(ts|mjs|py|json)$/.test(name) && !/[A-Z]{2}/.test(name) && [...ROOMS, 'test'].includes(name.split('/')[0] ?? ''));

/** Quoted texts of a source, comments aside: what may reach a user. */
const textsOf = (source: string): string => source.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/(^|\s)\/\/ .*$/gm, '');

test.each(PAGES)('%s has lines that an editor and a diff show whole', (page) => {
  expect(longLines(read(page))).toEqual([]);
});

test('a long line is found, in a list too; a table, code and a fence are none', () => {
  const long = 'word '.repeat(40);
  expect(longLines(`- ${long}\n| ${long}\n    ${long}\n\`\`\`sh\n${long}\n\`\`\`\n  ${long}`).map((line) => line.split(':')[0])).toEqual(['1', '7']);
});

test('every source that a page names is there', () => {
  const named = PAGES.flatMap((page) => sourcesIn(read(page)).map((source) => ({ page, source })));
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter(({ source }) => !existsSync(path.join(ROOT, source)))).toEqual([]);
});

test('nothing that users read says anew: the usual word is again', () => {
  const sources = ROOMS.flatMap((room) => readdirSync(path.join(ROOT, room), { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|mjs|py)$/.test(name)).map((name) => path.join(room, name)));
  const texts = [...sources.map((file) => [file, textsOf(read(file))] as const), ...PAGES.map((page) => [page, read(page)] as const)];
  expect(texts.length).toBeGreaterThan(300);
  expect(texts.filter(([, text]) => /\banew\b/.test(text)).map(([file]) => file)).toEqual([]);
});

/** What docs/commands.md says that a command does, a line for each of its uses. */
function onThePage(command: string): readonly string[] {
  const rows = read('docs/commands.md').replaceAll('\\|', '/').split('\n').map((row) => row.split('|').map((cell) => cell.trim()));
  return rows.filter(([, called = '']) => new RegExp(`^\`npx bliss ${command}[ \`]`).test(called)).map(([, , what = '']) => what);
}

test('--help begins with what the page of commands says of each command', async () => {
  const { stdout } = await bliss(['--help']);
  // a command with its arguments, at least two blanks, what it does, on as many lines as that takes
  const rows = [...stdout.matchAll(/^ {2}([a-z][a-z-]*)(?: \S+)* {2,}(\S.*(?:\n {8,}\S.*)*)/gm)].map(([, command = '', what = '']) => [command, what.replaceAll(/\s+/g, ' ')] as const);
  const commands = readdirSync(path.join(ROOT, 'cli', 'commands')).map((file) => path.basename(file, '.ts'));
  expect(rows.map(([command]) => command)).toEqual(expect.arrayContaining(commands));
  // “submit a run …” here and “submits a run …” there, up to the first mark
  const alike = (text: string): string => text.replaceAll(/s\b/g, '');
  for (const [command, what] of rows.filter(([name]) => name !== 'help')) {
    const begins = alike(what.split(/[,;:(]/)[0] ?? '');
    expect.soft(onThePage(command).map((said) => alike(said).slice(0, begins.length)), command).toContain(begins);
  }
});
