import { createHash, type Hash } from 'node:crypto';
import { hash32 } from '../random.js';
import { BlissError } from '../errors.js';
import { parquetRows, writeParquet, openParquet, type ParquetSchema } from './parquet.js';
import { badShard, bytesToTokens, tokenDtype, tokensToBytes, TOKEN_DTYPE_KEY, type TokenDtype } from './token-rows.js';
import type { Tokenizer } from './tokenizer/index.js';
import type { Document, HeldOutExample, HeldOutSet } from './types.js';

export const HELD_OUT_SETS: readonly HeldOutSet[] = ['validation', 'tuning', 'test'];

/** A passage as it is kept: without padding. */
export interface Passage {
  readonly id: string;
  readonly tokens: readonly number[];
  /** index of the first token of the last word */
  readonly targetStart: number;
}

/** Passages with less context than this, or than a quarter of T, tell little of their last word. */
const MIN_CONTEXT_TOKENS = 32;
/** A passage that ends with a sentence is preferred down to this share of T. */
const SHORTEST_SENTENCE_END = 0.5;

/** one blank, letters, then perhaps what closes a clause; the passage ends with the letters */
const LAST_WORD = /^ (\p{L}{2,})([.!?,;:"')\]]*)$/u;

/**
 * LAMBADA-like passages of a document: at most T tokens, ending in a whole word of at least two letters, at the end of a
 * sentence where one comes late enough. Passages of a document don't overlap.
 *
 * A word with the white space before it is encoded alone: the split never joins what stands on both sides of the start of
 * white space, so the parts' ids are the whole's.
 */
export function passagesOf({ id, text }: Pick<Document, 'id' | 'text'>, tokenizer: Pick<Tokenizer, 'encode'>, sequenceLength: number): Passage[] {
  const segments = text.trim().match(/\p{White_Space}*\P{White_Space}+/gu) ?? [];
  const minContext = Math.min(MIN_CONTEXT_TOKENS, Math.floor(sequenceLength / 4));
  const passages: Passage[] = [];
  let tokens: number[] = [];
  /** the best end so far: context of `context` tokens, then the word */
  let best: { context: number; word: readonly number[]; next: number; good: boolean } | undefined;
  let start = 0;
  for (let i = 0; i <= segments.length; i++) {
    const segment = i < segments.length ? (i === start ? segments[i].trimStart() : segments[i]) : undefined;
    const ids = segment === undefined ? [] : tokenizer.encode(segment);
    if (segment === undefined || tokens.length + ids.length > sequenceLength) {
      if (best !== undefined) {
        const passage = [...tokens.slice(0, best.context), ...best.word];
        passages.push({ id: `${id}#${String(passages.length).padStart(5, '0')}`, tokens: passage, targetStart: best.context });
      }
      if (segment === undefined) break;
      // a single word longer than T is passed over
      start = Math.max(best?.next ?? i, start + 1);
      i = start - 1;
      tokens = [];
      best = undefined;
      continue;
    }
    const match = i > start && tokens.length >= minContext ? LAST_WORD.exec(segment) : null;
    if (match !== null) {
      const good = /[.!?]/.test(match[2]) && tokens.length >= SHORTEST_SENTENCE_END * sequenceLength;
      const word = match[2] === '' ? ids : tokenizer.encode(` ${match[1]}`);
      // a word without what follows it may in principle take more tokens
      if (tokens.length + word.length <= sequenceLength && (good || best?.good !== true)) best = { context: tokens.length, word, next: i + 1, good };
    }
    for (const token of ids) tokens.push(token);
  }
  return passages;
}

export interface CollectHeldOut {
  readonly documents: AsyncIterable<Document>;
  readonly tokenizer: Pick<Tokenizer, 'encode'>;
  /** T */
  readonly sequenceLength: number;
  /** examples wanted of each set */
  readonly counts: Readonly<Record<HeldOutSet, number>>;
  /** called with every document, sets or not */
  readonly onDocument?: (document: Document) => void | Promise<void>;
}

export interface HeldOut {
  readonly sets: Readonly<Record<HeldOutSet, { readonly passages: readonly Passage[]; readonly documents: number }>>;
  /** keys (`textKey`) of the held-out texts: the corpus leaves out documents that are among them */
  readonly texts: ReadonlySet<string>;
}

export const textKey = (text: string): string => createHash('sha256').update(text.trim()).digest('base64').slice(0, 16);

/**
 * Documents take turns between the sets, a text that comes twice only once. Of a set's passages those with the smallest
 * hash of their id are kept, so that they come from all over and memory holds only as many as are wanted.
 *
 * @throws BlissError DataInvalid where a set has too few
 */
export async function collectHeldOut({ documents, tokenizer, sequenceLength, counts, onDocument }: CollectHeldOut): Promise<HeldOut> {
  const kept = HELD_OUT_SETS.map(() => [] as { priority: number; document: number; passage: Passage }[]);
  const available = HELD_OUT_SETS.map(() => 0);
  const texts = new Set<string>();
  let turn = 0;
  for await (const document of documents) {
    await onDocument?.(document);
    const key = textKey(document.text);
    if (texts.has(key)) continue;
    texts.add(key);
    const passages = passagesOf(document, tokenizer, sequenceLength);
    if (passages.length === 0) continue;
    const set = turn % HELD_OUT_SETS.length;
    available[set] += passages.length;
    const wanted = counts[HELD_OUT_SETS[set]];
    for (const passage of passages) kept[set].push({ priority: hash32(passage.id), document: turn, passage });
    if (kept[set].length > 2 * wanted + passages.length) kept[set] = smallest(kept[set], wanted);
    turn++;
  }
  const setOf = (name: HeldOutSet): HeldOut['sets'][HeldOutSet] => {
    const set = HELD_OUT_SETS.indexOf(name);
    if (available[set] < counts[name]) {
      throw new BlissError({
        code: 'DataInvalid',
        where: `heldOut.${name}`,
        message: `the held-out documents give ${available[set]} passages for the ${name} set, ${counts[name]} are wanted (${turn} documents with a passage of at most ${sequenceLength} tokens, a third for each set)`,
        mend: `lower heldOut.${name} or add documents to heldOut.source`,
      });
    }
    const chosen = smallest(kept[set], counts[name]);
    return { passages: chosen.map(({ passage }) => passage), documents: new Set(chosen.map(({ document }) => document)).size };
  };
  return { sets: { validation: setOf('validation'), tuning: setOf('tuning'), test: setOf('test') }, texts };
}

function smallest<T extends { readonly priority: number; readonly passage: Passage }>(items: T[], count: number): T[] {
  return items.sort((a, b) => a.priority - b.priority || (a.passage.id < b.passage.id ? -1 : 1)).slice(0, count);
}

const SCHEMA: ParquetSchema = { id: { type: 'UTF8' }, tokens: { type: 'BYTE_ARRAY' }, target_start: { type: 'INT32' } };

/** Adds the examples to the digest as they are written. */
export async function writeHeldOut(file: string, passages: readonly Passage[], vocabularySize: number, hash: Hash): Promise<void> {
  const dtype = tokenDtype(vocabularySize);
  const rows = passages.map(({ id, tokens, targetStart }) => {
    hash.update(`${id}\0${targetStart}\0`);
    hash.update(tokensToBytes(tokens, 'uint32'));
    return { id, tokens: tokensToBytes(tokens, dtype), target_start: targetStart };
  });
  await writeParquet({ file, schema: SCHEMA, rows, metadata: { [TOKEN_DTYPE_KEY]: dtype } });
}

/** The examples of a held-out set, padded with 0 to T. @throws BlissError DataCorrupt */
export async function readHeldOut(file: string, sequenceLength: number): Promise<HeldOutExample[]> {
  const opened = await openParquet(file);
  const dtype = opened.metadata[TOKEN_DTYPE_KEY] as TokenDtype | undefined;
  await opened.close();
  if (dtype !== 'uint16' && dtype !== 'uint32') throw badShard(file, `the metadata lacks ${TOKEN_DTYPE_KEY}`);
  const examples: HeldOutExample[] = [];
  for await (const { id, tokens: bytes, target_start: targetStart } of parquetRows({ file })) {
    if (typeof id !== 'string' || !(bytes instanceof Uint8Array) || typeof targetStart !== 'number') throw badShard(file, 'a row lacks id, tokens or target_start');
    const length = bytes.byteLength / (dtype === 'uint16' ? 2 : 4);
    if (length > sequenceLength) throw badShard(file, `the example ${id} has ${length} tokens, more than ${sequenceLength}`);
    const tokens = new Int32Array(sequenceLength);
    bytesToTokens(bytes, dtype, tokens);
    examples.push({ id, tokens, length, targetStart });
  }
  return examples;
}
