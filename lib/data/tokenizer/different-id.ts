import type { Tokenizer } from './tokenizer.js';

/** A token that two tokenizers give other ids, or that one of them lacks. */
export interface DifferentId {
  readonly token: string;
  readonly ids: readonly [number | undefined, number | undefined];
}

/** The first such token; undefined: ids of both mean the same. How texts are cut into tokens does not count. */
export function differentId(a: Tokenizer, b: Tokenizer): DifferentId | undefined {
  const [ours, theirs] = [idsOf(a), idsOf(b)];
  for (const token of new Set([...ours.keys(), ...theirs.keys()])) {
    if (ours.get(token) !== theirs.get(token)) return { token, ids: [ours.get(token), theirs.get(token)] };
  }
  return undefined;
}

const idsOf = ({ parts: { vocabulary, added } }: Tokenizer): ReadonlyMap<string, number> => new Map([...vocabulary, ...added.map(({ content, id }) => [content, id] as const)]);
