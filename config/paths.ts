import os from 'node:os';
import path from 'node:path';
import { isRecord } from './schema-tree.js';

/** The tree with `~/` at the head of a text as the user's home: nothing but paths starts like that, and no shell has seen them. */
export function withHome(tree: unknown): unknown {
  if (typeof tree === 'string') return tree.startsWith('~/') ? path.join(os.homedir(), tree.slice(2)) : tree;
  if (Array.isArray(tree)) return tree.map(withHome);
  if (isRecord(tree)) return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, withHome(value)]));
  return tree;
}
