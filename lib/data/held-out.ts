import { createHash, type Hash } from 'node:crypto';
import { hash32 } from '../random.js';
import { BlissError } from '../errors.js';
import { parquetRows, writeParquet, openParquet, type ParquetSchema } from './parquet.js';
import type { Passage, PassageTokenizer } from './passage.js';
import { isWithoutBlanks, passagesOf } from './passages.js';
import { badShard, bytesToTokens, tokenDtype, tokensToBytes, TOKEN_DTYPE_KEY, type TokenDtype } from './token-rows.js';
import { cannotEncode } from './tokenizer/index.js';
import type { Document, HeldOutExample, HeldOutSet } from './types.js';

const HELD_OUT_SETS: readonly HeldOutSet[] = ['validation', 'tuning', 'test'];

/** Passages kept beside those that are wanted before the others are let go. */
const KEPT_BESIDE = 1_000;

export interface CollectHeldOut {
  readonly documents: AsyncIterable<Document>;
  readonly tokenizer: PassageTokenizer;
  /** T */
  readonly sequenceLength: number;
  /** examples wanted of each set */
  readonly counts: Readonly<Record<HeldOutSet, number>>;
  /** called with every document, sets or not */
  readonly onDocument?: (document: Document) => void | Promise<void>;
  /** called now and then within a long document */
  readonly onPause?: () => void | Promise<void>;
}

export interface HeldOut {
  readonly sets: Readonly<Record<HeldOutSet, { readonly passages: readonly Passage[]; readonly documents: number }>>;
  /** keys (`textKey`) of the held-out texts: the corpus leaves out documents that are among them */
  readonly texts: ReadonlySet<string>;
  /** passages kept of texts without blanks, whose last word is their last token */
  readonly withoutBlanks: number;
}

/** Characters that are digested between two pauses. */
const DIGESTED = 1 << 24;

export async function textKey(text: string, onPause?: () => void | Promise<void>): Promise<string> {
  const trimmed = text.trim();
  const hash = createHash('sha256');
  for (let at = 0; at < trimmed.length; ) {
    // never between the two halves of a character
    const end = at + DIGESTED - (/[\uD800-\uDBFF]/.test(trimmed[at + DIGESTED - 1] ?? '') ? 1 : 0);
    hash.update(trimmed.slice(at, end));
    at = end;
    if (at < trimmed.length) await onPause?.();
  }
  return hash.digest('base64').slice(0, 16);
}

/**
 * Sets of one size take documents in turn; of several sizes each document goes to the set that has the smallest part of what it wants. A text that comes twice counts
 * once. Of a set's passages those with the smallest
 * hash of their id are kept, so that they come from all over and memory holds only as many as are wanted.
 *
 * @throws BlissError DataInvalid where a set has too few
 */
export async function collectHeldOut({ documents, tokenizer, sequenceLength, counts, onDocument, onPause }: CollectHeldOut): Promise<HeldOut> {
  const kept = HELD_OUT_SETS.map(() => [] as { priority: number; document: number; passage: Passage; withoutBlanks: boolean }[]);
  const available = HELD_OUT_SETS.map(() => 0);
  const texts = new Set<string>();
  let turn = 0;
  for await (const document of documents) {
    await onDocument?.(document);
    const key = await textKey(document.text, onPause);
    if (texts.has(key)) continue;
    texts.add(key);
    const set = dealtEqually(counts) ? turn % HELD_OUT_SETS.length : neediest(available, counts);
    const wanted = counts[HELD_OUT_SETS[set]];
    const before = available[set];
    const withoutBlanks = isWithoutBlanks(document.text);
    for (const passage of named(document, passagesOf({ document, tokenizer, sequenceLength }))) {
      if (passage === undefined) {
        await onPause?.();
        continue;
      }
      available[set]++;
      kept[set].push({ priority: hash32(passage.id), document: turn, passage, withoutBlanks });
      if (kept[set].length > 2 * wanted + KEPT_BESIDE) kept[set] = smallest(kept[set], wanted);
    }
    if (available[set] > before) turn++;
  }
  let withoutBlanks = 0;
  const setOf = (name: HeldOutSet): HeldOut['sets'][HeldOutSet] => {
    const set = HELD_OUT_SETS.indexOf(name);
    if (available[set] < counts[name]) {
      throw new BlissError({
        code: 'DataInvalid',
        where: `heldOut.${name}`,
        message: `the held-out documents give ${available[set]} passages for the ${name} set, ${counts[name]} are wanted (${turn} of ${texts.size} documents with a passage of at most ${sequenceLength} tokens; a document is of one set alone)`,
        fix: `lower heldOut.${name} or add documents to heldOut.source: a passage has a context of at least ${Math.min(32, Math.floor(sequenceLength / 4))} tokens and ends in a word of letters after a blank, or in Chinese, Japanese, Thai and the like in a token of letters`,
      });
    }
    const chosen = smallest(kept[set], counts[name]);
    withoutBlanks += chosen.filter((one) => one.withoutBlanks).length;
    return { passages: chosen.map(({ passage }) => passage), documents: new Set(chosen.map(({ document }) => document)).size };
  };
  const sets = { validation: setOf('validation'), tuning: setOf('tuning'), test: setOf('test') };
  return { sets, texts, withoutBlanks };
}

/** Sets of one size have been dealt in turn since before there were others. */
export const dealtEqually = ({ validation, tuning, test }: CollectHeldOut['counts']): boolean => validation === tuning && tuning === test;

/** The set that has the smallest part of the passages it wants; the first of those. */
function neediest(available: readonly number[], counts: CollectHeldOut['counts']): number {
  const parts = HELD_OUT_SETS.map((name, set) => available[set] / counts[name]);
  return parts.indexOf(Math.min(...parts));
}

/** @throws BlissError DataInvalid that names the document which cannot be encoded */
function* named<T>({ id }: Document, passages: Iterable<T>): Iterable<T> {
  try {
    yield* passages;
  } catch (error) {
    throw error instanceof RangeError ? cannotEncode(id, error) : error;
  }
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
