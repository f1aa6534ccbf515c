import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../setup/set-up.mjs';

const PAGES = [...readdirSync(ROOT).filter(isPage), ...readdirSync(path.join(ROOT, 'docs')).filter(isPage).map((name) => `docs/${name}`)];

function isPage(name: string): boolean {
  return name.endsWith('.md');
}

const read = (page: string): string => readFileSync(path.join(ROOT, page), 'utf8');
/** A page without its code, in which brackets are no links and # is no heading. */
const prose = (text: string): string => text.replaceAll(/^ *```[^]*?^ *```$/gm, '').replaceAll(/^ {4}.*$/gm, '');

/** Anchors of a page's headings as GitHub makes them: lower case, no punctuation, blanks as hyphens. */
const anchors = (text: string): readonly string[] =>
  [...prose(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));

/** Links of a page to files and headings here, `file` or `file#heading` or `#heading`. */
const links = (text: string): readonly string[] =>
  [...prose(text).replaceAll(/`[^`\n]*`/g, 'code').matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => to).filter((to) => !/^[a-z]+:/.test(to));

/** What a link is that leads nowhere; nothing for a good one. */
function broken(page: string, link: string): string | undefined {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? page : path.join(path.dirname(page), file);
  if (!existsSync(path.join(ROOT, target))) return `${page}: no file ${link}`;
  if (anchor !== undefined && !anchors(read(target)).includes(anchor)) return `${page}: no heading ${link}`;
  return undefined;
}

test('every link between pages leads to a file, and to a heading of it', () => {
  const all = PAGES.flatMap((page) => links(read(page)).map((link) => ({ page, link })));
  expect(all.length).toBeGreaterThan(50);
  expect(all.map(({ page, link }) => broken(page, link)).filter((line) => line !== undefined)).toEqual([]);
});

test('a link to no file, and one to no heading, are found', () => {
  expect(broken('README.md', 'docs/nothing.md')).toBe('README.md: no file docs/nothing.md');
  expect(broken('docs/data.md', 'exports.md#nothing')).toBe('docs/data.md: no heading exports.md#nothing');
  expect(broken('docs/data.md', '#nothing')).toBe('docs/data.md: no heading #nothing');
});

test('every page of docs can be reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const page of reached) {
    for (const link of links(read(page))) {
      const target = path.join(path.dirname(page), link.split('#')[0] ?? '');
      if (PAGES.includes(target)) reached.add(target);
    }
  }
  expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
});

test('every section that a docstring cites is a heading of its page', () => {
  const sources = ['activities', 'cli', 'config', 'lib', 'workers', 'workflows'].flatMap((room) =>
    readdirSync(path.join(ROOT, room), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).map((name) => path.join(room, name)));
  const cited = new Set(sources.flatMap((file) => [...read(file).matchAll(/@see (?:docs\/)?(method|tensor-runtime)(?:\.md)? §(\d+)/g)].map(([, page = '', section = '']) => `docs/${page}.md ${section}`)));
  expect(cited.size).toBeGreaterThan(8);
  const sections = PAGES.flatMap((page) => [...prose(read(page)).matchAll(/^## (\d+)\. /gm)].map(([, section = '']) => `${page} ${section}`));
  expect([...cited].filter((citation) => !sections.includes(citation))).toEqual([]);
});

test('every command is on the page of commands', () => {
  const page = read('docs/commands.md');
  const commands = readdirSync(path.join(ROOT, 'cli', 'commands')).map((file) => path.basename(file, '.ts'));
  expect(commands.filter((command) => !page.includes(`\`npx bliss ${command} `) && !page.includes(`\`npx bliss ${command}\``))).toEqual([]);
});

test('the README is one screen and a half', () => {
  const lines = read('README.md').trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(80);
  expect(lines.filter((line) => line.length > 120 && !line.startsWith('|'))).toEqual([]);
});
