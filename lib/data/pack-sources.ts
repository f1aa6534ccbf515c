import { counted } from '../counted.js';
import { BlissError } from '../errors.js';
import { textKey, type HeldOut } from './held-out.js';
import { packRows } from './pack.js';
import type { ExternalShuffle } from './shuffle.js';
import type { CorpusSource } from './sources/index.js';
import type { Tokenizer } from './tokenizer/index.js';
import type { Turn } from './turns.js';
import type { CorpusDocument } from './types.js';

export interface PackSources {
  readonly sources: readonly CorpusSource[];
  readonly rows: { readonly needed: number; readonly groups: number; readonly perGroup: number };
  /** T */
  readonly sequenceLength: number;
  /** V of the models */
  readonly vocabularySize: number;
  readonly tokenizer: Tokenizer;
  readonly heldOut: HeldOut;
  readonly shuffle: ExternalShuffle;
  readonly turn: Turn;
}

/** Sends the rows of all sources to the shuffle. @returns documents taken, by source @throws BlissError DataInvalid where there are too few rows */
export async function packSources({ sources, rows: { needed, groups, perGroup }, sequenceLength, vocabularySize, tokenizer, heldOut, shuffle, turn }: PackSources): Promise<Map<string, number>> {
  const quotas = shareOut(needed, sources.map((source) => source.share));
  const taken = new Map<string, number>();
  const short: string[] = [];
  let leftOut = 0;
  for (const [i, source] of sources.entries()) {
    const quota = quotas[i];
    let documents = 0;
    let rows = 0;
    const tell = (): Promise<void> => turn('pack', quota === undefined ? (i + (source.progress() ?? 0.5)) / sources.length : shuffle.rows / needed, `packing ${source.name}`);
    const fresh = async function* (): AsyncIterable<CorpusDocument> {
      for await (const document of source.documents({ size: vocabularySize, endOfText: tokenizer.endOfText })) {
        await tell(); // reading and digesting a long one take their time each
        if (heldOut.texts.has(await textKey(textOf(document, tokenizer), tell))) leftOut++;
        else {
          await tell();
          yield document;
        }
      }
    };
    if (quota === 0) continue;
    for await (const row of packRows({ source: source.name, documents: fresh(), tokenizer, sequenceLength, onDocument: () => documents++, onPause: tell })) {
      await shuffle.add(row);
      rows++;
      await tell();
      if (rows === quota) break;
    }
    taken.set(source.name, documents);
    if (quota !== undefined && rows < quota) short.push(`${source.name} has ${rows} of ${quota}`);
  }
  if (shuffle.rows < needed) {
    const fits = Math.floor(shuffle.rows / groups);
    throw new BlissError({
      code: 'DataInvalid',
      where: 'data',
      message: `the corpus has ${counted(shuffle.rows, 'row')} of ${sequenceLength} tokens, ${needed} are needed (${counted(groups, 'group')} of ${perGroup})${short.length === 0 ? '' : `: ${short.join(', ')}`}${leftOut === 0 ? '' : `; ${leftOut} of its documents are left out, as heldOut.source holds them`}`,
      fix: `${fits === 0 || short.length > 0 ? 'lower data.rowsPerGroup, data.sequenceLength or rounds' : `lower data.rowsPerGroup to ${fits}, or rounds`}, or add text${leftOut === 0 ? '' : ', or hold out other documents'}`,
    });
  }
  return taken;
}

/** Of ids the text that they stand for, without the end of text. */
function textOf(document: CorpusDocument, { decode, endOfText }: Tokenizer): string {
  if ('text' in document) return document.text;
  const { tokens } = document;
  return decode(tokens[tokens.length - 1] === endOfText ? tokens.subarray(0, -1) : tokens);
}

/** Whole numbers in the proportion of the shares that sum to `total`: largest remainders get what is left. */
function shareOut(total: number, shares: readonly (number | undefined)[]): (number | undefined)[] {
  const exact = shares.map((share) => (share === undefined ? undefined : share * total));
  const counts = exact.map((count) => (count === undefined ? undefined : Math.floor(count)));
  const left = Math.round(exact.reduce<number>((sum, count) => sum + (count ?? 0), 0)) - counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const byRemainder = exact.flatMap((count, i) => (count === undefined ? [] : [{ i, remainder: count - Math.floor(count) }])).sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (const { i } of byRemainder.slice(0, left)) counts[i] = (counts[i] ?? 0) + 1;
  return counts;
}
