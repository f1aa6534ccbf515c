import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import TinyQueue from 'tinyqueue';
import { parquetTable, sqlText, type Database } from '../data/index.js';
import { BlissError } from '../errors.js';
import { mix32 } from '../random.js';

/** How dearly a row pays for what chosen rows have already. */
export interface Redundancy {
  /** what a row loses whose n-grams are all in chosen rows, in standard deviations of the keys */
  readonly weight: number;
  /** tokens of an n-gram */
  readonly ngram: number;
}

/** A row that may be chosen, with what it is compared by. */
export interface Candidate {
  readonly key: number;
  /** its distinct n-grams, hashed; none: nothing is lost */
  readonly ngrams: Uint32Array;
}

/** Distinct hashes of a row's n-grams of tokens, ascending; a row of fewer tokens has none. Padding is no part of it. */
export function hashedNgrams(tokens: ArrayLike<number>, ngram: number): Uint32Array {
  const found = new Uint32Array(Math.max(0, tokens.length - ngram + 1));
  for (let start = 0; start < found.length; start++) {
    let hash = 0;
    for (let i = start; i < start + ngram; i++) hash = mix32(hash ^ (tokens[i] + 1));
    found[start] = hash;
  }
  found.sort();
  return found.filter((hash, i) => i === 0 || hash !== found[i - 1]);
}

/**
 * Greedily the rows of the largest value: key − loss · overlap, where overlap is the share of the row's n-grams that rows chosen before it have. Values only fall, so
 * a row whose value was looked up since the last choice, and is the largest still, is the next one: few are looked up again.
 * @param candidates best key first, ties in the order that decides; @param loss in the keys' unit
 * @returns places of the chosen ones among the candidates, in the order of choice
 */
export function chooseWithoutRedundancy({ candidates, count, loss }: { readonly candidates: readonly Candidate[]; readonly count: number; readonly loss: number }): Uint32Array {
  const seen = new Seen(candidates, count);
  const valueOf = ({ key, ngrams }: Candidate): number => key - loss * seen.share(ngrams);
  interface Entry { readonly place: number; readonly value: number; readonly at: number }
  const queue = new TinyQueue<Entry>(candidates.map(({ key }, place) => ({ place, value: key, at: 0 })), (a, b) => b.value - a.value || a.place - b.place);
  const chosen = new Uint32Array(Math.min(count, candidates.length));
  for (let n = 0; n < chosen.length; ) {
    const best = queue.pop();
    if (best === undefined) break;
    if (best.at === n) {
      chosen[n++] = best.place;
      seen.add(candidates[best.place].ngrams);
    } else queue.push({ place: best.place, value: valueOf(candidates[best.place]), at: n });
  }
  return chosen;
}

/** Bits for each n-gram that may come: one n-gram in so many passes for another at the end, when all are in. */
const BITS_PER_NGRAM = 32;

/** Which n-grams are in chosen rows, as a table of bits by hash. */
class Seen {
  readonly #shift: number;
  readonly #bits: Uint32Array;

  constructor(candidates: readonly Candidate[], count: number) {
    const longest = candidates.reduce((most, { ngrams }) => Math.max(most, ngrams.length), 1);
    const bits = Math.min(32, Math.max(10, Math.ceil(Math.log2(BITS_PER_NGRAM * longest * Math.min(count, candidates.length) + 1))));
    this.#shift = 32 - bits;
    this.#bits = new Uint32Array(2 ** (bits - 5));
  }

  add(ngrams: Uint32Array): void {
    for (const hash of ngrams) {
      const bit = hash >>> this.#shift;
      this.#bits[bit >>> 5] |= 1 << (bit & 31);
    }
  }

  share(ngrams: Uint32Array): number {
    let found = 0;
    for (const hash of ngrams) {
      const bit = hash >>> this.#shift;
      found += (this.#bits[bit >>> 5] >>> (bit & 31)) & 1;
    }
    return ngrams.length === 0 ? 0 : found / ngrams.length;
  }
}

/** N-grams of all candidates that are held in memory, four bytes each: as many as the largest table has bits for. */
const MOST_NGRAMS = 2 ** 32 / BITS_PER_NGRAM;

export interface ChooseRows extends Redundancy {
  readonly database: Database;
  /** relation with columns id, index, source, logit, key */
  readonly keyed: string;
  /** condition that rows meet which may be chosen */
  readonly allowed: string;
  /** what orders rows of one key */
  readonly order: string;
  /** at least 1 */
  readonly count: number;
  /** standard deviation of the keys */
  readonly deviation: number;
  /** tokens of the rows whose index is asked for, in any order */
  readonly tokensOf: (isWanted: (index: number) => boolean) => AsyncIterable<{ readonly index: number; readonly tokens: ArrayLike<number> }>;
  readonly file: string;
  readonly temporaryFolder: string;
  /** @default 2^27 */
  readonly mostNgrams?: number;
}

/**
 * Writes the chosen rows, in the order of choice. A row that is worse than the last of plain top-k by more than all it could lose cannot be among them: only those above
 * are read.  @throws BlissError DataInvalid where those do not fit in memory
 */
export async function writeWithoutRedundancy({ database, keyed, allowed, order, count, deviation, tokensOf, file, temporaryFolder, mostNgrams = MOST_NGRAMS, weight, ngram }: ChooseRows): Promise<void> {
  const loss = weight * deviation;
  const [{ border }] = await database.rows(`SELECT key::DOUBLE AS border FROM ${keyed} WHERE ${allowed} ORDER BY key DESC LIMIT 1 OFFSET ${count - 1}`);
  const from = `FROM ${keyed} WHERE ${allowed} AND key::DOUBLE >= '${Number(border) - loss}'::DOUBLE`;
  const places = new Map<number, number>();
  const keys: number[] = [];
  for await (const [indices, some] of database.columns(`SELECT index, key::DOUBLE ${from} ORDER BY key DESC, ${order}`)) {
    for (let i = 0; i < indices.length; i++) {
      places.set(Number(indices[i]), keys.length);
      keys.push(Number(some[i]));
    }
  }
  const candidates: Candidate[] = keys.map((key) => ({ key, ngrams: new Uint32Array(0) }));
  let held = 0;
  for await (const { index, tokens } of tokensOf((one) => places.has(one))) {
    const place = places.get(index);
    if (place === undefined) continue;
    const ngrams = hashedNgrams(tokens, ngram);
    held += ngrams.length;
    if (held > mostNgrams) {
      throw new BlissError({ code: 'DataInvalid', message: `${keys.length} rows may be among the ${count} chosen ones, and their n-grams do not fit in memory (${mostNgrams} are the most)`, where: 'selection.redundancy', fix: 'lower its weight, or leave it out' });
    }
    candidates[place] = { key: keys[place], ngrams };
  }
  const indexAt = Uint32Array.from(places.keys());
  const chosen = chooseWithoutRedundancy({ candidates, count, loss });
  const list = path.join(temporaryFolder, 'chosen.csv');
  await writeFile(list, `index,rank\n${Array.from(chosen, (place, rank) => `${indexAt[place]},${rank}`).join('\n')}\n`);
  await database.run(`COPY (
    SELECT id, index, source, rank::INTEGER AS rank, logit AS score FROM ${keyed} JOIN read_csv(${sqlText(list)}, header = true, columns = {'index': 'INTEGER', 'rank': 'INTEGER'}) USING (index) ORDER BY rank
  ) TO ${sqlText(file)} (FORMAT parquet, COMPRESSION snappy)`);
}

/** Of the rows that `file` has. */
export const isInFile = (file: string): string => `index IN (SELECT index FROM ${parquetTable([file])})`;
