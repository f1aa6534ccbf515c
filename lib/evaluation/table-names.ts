import path from 'node:path';
import type { Task } from './tasks/index.js';

/** how people and the hub name splits, as whole words of a file's or a folder's name */
const SPLITS = { train: /^(train|training)$/, validation: /^(val|valid|validation|dev)$/, test: /^(test|testing|eval|evaluation)$/ } as const;
type Split = keyof typeof SPLITS;

/** The split that a file's own name says, else the innermost of its folders that says one. */
export function splitOf(file: string): Split | undefined {
  for (const part of file.split(path.sep).reverse()) {
    const words = part.toLowerCase().split(/[^a-z]+/);
    const split = words.flatMap((word) => (Object.keys(SPLITS) as Split[]).filter((name) => SPLITS[name].test(word)))[0];
    if (split !== undefined) return split;
  }
  return undefined;
}

/** Which table of the task's data set a name says: `ARC-Easy/test.parquet`, `lambada_test_de.jsonl`. */
export function tableOf({ table }: Pick<Task, 'table'>, file: string): string | undefined {
  const lower = file.toLowerCase();
  return table === undefined ? undefined : [table.name, ...table.others].find((name) => isWord(lower, name.toLowerCase()));
}

function isWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (![text[at - 1], text[at + word.length]].some((beside) => beside !== undefined && /[a-z0-9]/.test(beside))) return true;
  }
  return false;
}

/** In no folder but those of a split and the hub's `data`: nothing says which table it is of. */
export const isPlain = (file: string): boolean => path.dirname(file).split(path.sep).every((part) => part === '' || part === '.' || part === 'data' || splitOf(part) !== undefined);

/** The table that a file is a part of, by its name, and of how many: `test-00000-of-00002.parquet`, `test/0000.parquet`. */
export function shardOf(file: string): { readonly whole: string; readonly of?: number } {
  const [numbered, of] = /[-.]\d+-of-(\d+)/.exec(path.basename(file)) ?? [];
  if (numbered !== undefined) return { whole: path.join(path.dirname(file), path.basename(file).replace(numbered, '')), of: Number(of) };
  return { whole: /^\d+\.[a-z.]+$/.test(path.basename(file)) ? path.dirname(file) : file };
}
