import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { isUtf8 } from 'node:buffer';
import type { Dirent, Stats } from 'node:fs';
import path from 'node:path';
import { codeOf } from '../../code-of.js';
import { invalid } from './invalid.js';

/** A file as it was come upon, and where it really lies. */
export interface FoundFile {
  /** absolute, as it was come upon: through links, where there are any */
  readonly path: string;
  /** absolute, without a link in it: two paths to one file have the same */
  readonly real: string;
}

/** One part of a path: any number of folders, or one entry. */
export type Step = { readonly kind: 'folders' } | { readonly kind: 'name'; readonly name: string } | { readonly kind: 'match'; readonly matches: (name: string) => boolean };

export interface Walk {
  /** absolute, where the steps begin */
  readonly folder: string;
  /** the last is of files */
  readonly steps: readonly Step[];
  /** names that any number of folders does not go through */
  readonly leftOut: (name: string) => boolean;
}

interface Place extends FoundFile {
  /** the step that its entries are held against */
  readonly step: number;
}

/**
 * The files that the steps lead to, sorted by path, each real file once: links are followed, whatever they lead to, and where several paths lead to
 * one file that with the fewest links is taken. So a circle of links ends.
 *
 * @throws BlissError DataInvalid: a link that leads nowhere, a folder that cannot be read, a name that is no UTF-8
 */
export async function walk({ folder, steps, leftOut }: Walk): Promise<FoundFile[]> {
  const files = new Map<string, FoundFile>();
  const seen = new Set<string>();
  const last = steps.length - 1;
  const places: Place[] = [];
  let links: (FoundFile & { readonly step: number; readonly isFile: boolean })[] = [];
  const take = (file: FoundFile): void => {
    if (!files.has(file.real)) files.set(file.real, file);
  };
  const enter = async (at: Place, { name, kind }: Entry, next: number): Promise<void> => {
    const isLast = next > last;
    if (kind === 'other' || (isLast ? kind === 'folder' : kind === 'file')) return;
    const found = { path: path.join(at.path, name), real: path.join(at.real, name) };
    await requireUtf8(at.path, found.path);
    if (kind === 'file') take(found);
    else if (kind === 'folder') places.push({ ...found, step: next });
    else {
      const to = await followed(found.path);
      if (to.kind === (isLast ? 'file' : 'folder')) links.push({ path: found.path, real: to.real, step: next, isFile: isLast });
    }
  };
  const look = async (at: Place): Promise<void> => {
    const step = steps[at.step];
    if (step.kind === 'name') {
      const child = path.join(at.path, step.name);
      const found = await lstat(child).catch(missing);
      if (found !== undefined) await enter(at, { name: step.name, kind: kindOf(found) }, at.step + 1);
      return;
    }
    if (step.kind === 'folders') places.push({ ...at, step: at.step + 1 });
    for (const entry of await entriesOf(at.path)) {
      if (step.kind === 'folders') {
        // its files are the next step's
        if (!leftOut(entry.name)) await enter(at, entry, at.step);
      } else if (step.matches(entry.name)) await enter(at, entry, at.step + 1);
    }
  };
  const start = await stat(folder).catch(missing);
  if (start?.isDirectory() !== true) return [];
  places.push({ path: folder, real: await realpath(folder), step: 0 });
  while (places.length > 0) {
    for (let at = places.pop(); at !== undefined; at = places.pop()) {
      const key = `${at.step} ${at.real}`;
      if (seen.has(key)) continue;
      seen.add(key);
      await look(at);
    }
    // one link further on, when all without it is seen
    links.sort(byPath);
    for (const { isFile, ...link } of links) {
      if (isFile) take(link);
      else places.push(link);
    }
    places.reverse();
    links = [];
  }
  return Array.from(files.values(), ({ path: at, real }) => ({ path: at, real })).sort(byPath);
}

const byPath = (a: FoundFile, b: FoundFile): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

interface Entry {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
}

async function entriesOf(folder: string): Promise<readonly Entry[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw invalid(folder, `the folder cannot be read (${codeOf(error) ?? String(error)})`, 'give it permissions to be listed, or name the files that are meant', error);
  });
  return entries.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
}

const kindOf = (entry: Dirent | Stats): Entry['kind'] => (entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'other');

/** Node reads other bytes as U+FFFD, and nothing is found under that name. @throws BlissError DataInvalid */
async function requireUtf8(folder: string, entry: string): Promise<void> {
  if (!entry.includes('\uFFFD') || (await lstat(entry).catch(missing)) !== undefined) return;
  const names = await readdir(folder, { encoding: 'buffer' });
  const name = names.find((bytes) => !isUtf8(bytes) && path.join(folder, bytes.toString('utf8')) === entry) ?? Buffer.from(path.basename(entry));
  const shown = Array.from(name, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`)).join('');
  throw invalid(path.join(folder, shown), 'the name is no UTF-8', 'rename it');
}

/** For a name under which nothing is found. @throws BlissError DataInvalid where a link on the way to it leads nowhere */
export async function refuseDangling(file: string): Promise<void> {
  const above = path.dirname(file);
  if (above !== file) await refuseDangling(above);
  if ((await lstat(file).catch(() => undefined))?.isSymbolicLink() === true) await followed(file);
}

/** What a link leads to. @throws BlissError DataInvalid where there is nothing */
async function followed(link: string): Promise<{ readonly kind: Entry['kind']; readonly real: string }> {
  const found = await stat(link).catch(missing);
  if (found === undefined) {
    const to = await readlink(link).catch(() => 'nothing');
    throw invalid(link, `the link leads nowhere (to ${to})`, 'copy or download what it leads to again, or delete the link');
  }
  return { kind: kindOf(found), real: await realpath(link) };
}

function missing(error: unknown): Stats | undefined {
  if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')) return undefined;
  throw invalid(error instanceof Error && 'path' in error ? String(error.path) : 'a path', `cannot be read (${codeOf(error) ?? String(error)})`, 'check its permissions', error);
}
