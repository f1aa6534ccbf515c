import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

export const isGlob = (pattern: string): boolean => /[*?[]/.test(pattern);

/** Files that an absolute pattern (`*`, `?`, `**`, `[…]`) matches, sorted by path. */
export async function glob(pattern: string): Promise<string[]> {
  const parts = pattern.split(path.sep);
  const firstMagic = parts.findIndex((part) => /[*?[]/.test(part));
  const base = parts.slice(0, firstMagic).join(path.sep) || path.sep;
  const matcher = globPattern(pattern);
  const depth = parts.slice(firstMagic).includes('**') ? Infinity : parts.length - firstMagic;
  const files: string[] = [];
  const walk = async (folder: string, left: number): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory() && left > 1) await walk(file, left - 1);
      else if (matcher.test(file) && (await stat(file).catch(() => undefined))?.isFile()) files.push(file);
    }
  };
  await walk(base, depth);
  return files.sort((a, b) => (a < b ? -1 : 1));
}

function globPattern(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|\[!?[^\]]+\]|[.+^${}()|\\[\]]/g, (part) => {
    if (part === '**/') return '(?:[^/]+/)*';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    return part.length > 1 ? part.replace('[!', '[^') : `\\${part}`;
  });
  return new RegExp(`^${source}$`, 'u');
}
