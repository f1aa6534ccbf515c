import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { sha256 } from '../artifacts/digests.js';
import type { RunConfig } from '../../config/schema.js';
import { BlissError } from '../errors.js';
import { collectHeldOut, writeHeldOut } from './held-out.js';
import type { PackedRow } from './pack.js';
import { packSources } from './pack-sources.js';
import { ExternalShuffle } from './shuffle.js';
import { openHeldOut, type CorpusSource } from './sources/index.js';
import { writeTokenShards } from './token-rows.js';
import { loadTokenizer, tokenizerJson, trainTokenizer, type Tokenizer } from './tokenizer/index.js';
import { saying, STEPS, turns, type Turn, type Turns } from './turns.js';
import type { CorpusIndex, HeldOutSet, ShardIndex } from './types.js';

export interface PrepareCorpus extends Turns {
  readonly sources: readonly CorpusSource[];
  readonly tokenizer: RunConfig['tokenizer'];
  readonly heldOut: RunConfig['heldOut'];
  /** T */
  readonly sequenceLength: number;
  readonly rowsPerGroup: number;
  /** one for the warm-ups and one a round */
  readonly groups: number;
  readonly rowsPerShard: number;
  /** of the one shuffle */
  readonly seed: string;
  /** V of the models */
  readonly vocabularySize: number;
  /** exists; the artifact's files go here */
  readonly outputFolder: string;
  /** folder that relative paths of the configuration start from */
  readonly configFolder: string;
}

export interface PreparedCorpus {
  readonly index: CorpusIndex;
  /** sha256 over rows in order and held-out examples */
  readonly digest: string;
  /** held-out passages of texts without blanks, whose last word is their last token */
  readonly withoutBlanks: number;
}

/**
 * From documents to shards: tokenizer, held-out sets, rows of T tokens, one shuffle, disjoint groups. Memory is bounded,
 * whatever the size of the corpus; a temporary copy of its tokens lies in `outputFolder` meanwhile.
 *
 * Writes `corpus.json`, `tokenizer.json`, `group-000/part-00000-of-0000N.parquet` …, `held-out/<set>.parquet`.
 *
 * @throws BlissError DataInvalid, DataCorrupt for what is wrong with the input; Stopped when `shouldStop` says so
 */
export async function prepareCorpus(params: PrepareCorpus): Promise<PreparedCorpus> {
  const { sources, sequenceLength, rowsPerGroup, groups, rowsPerShard, seed, vocabularySize, outputFolder, configFolder } = params;
  const turn = turns(params);
  const heldOutSource = openHeldOut(params.heldOut, configFolder);
  await params.onPhase?.('finding the files');
  for (const source of [...sources, heldOutSource]) await source.find?.();
  const tokenizer = await openTokenizer(params, turn);
  if (tokenizer.vocabularySize > vocabularySize) {
    const { type } = params.tokenizer;
    throw new BlissError({
      code: 'DataInvalid',
      where: params.tokenizer.type === 'file' ? path.resolve(configFolder, params.tokenizer.path) : 'models.vocabularySize',
      message: `the tokenizer has ids up to ${tokenizer.vocabularySize - 1}, models.vocabularySize ${vocabularySize} ends at ${vocabularySize - 1}`,
      fix: `raise models.vocabularySize to at least ${tokenizer.vocabularySize}${type === 'file' ? ', or give a tokenizer with fewer entries' : ' or lower tokenizer.vocabularySize'}`,
    });
  }
  // the user's own file goes on as it is: it may hold what encoding doesn't need
  const tokenizerText = params.tokenizer.type === 'file' ? await readFile(path.resolve(configFolder, params.tokenizer.path), 'utf8') : tokenizerJson(tokenizer);
  await writeFile(path.join(outputFolder, 'tokenizer.json'), tokenizerText);

  const tellHeldOut = (): Promise<void> => turn('heldOut', heldOutSource.progress() ?? 0.5, 'held-out sets');
  const heldOut = await collectHeldOut({
    documents: heldOutSource.documents(),
    tokenizer,
    sequenceLength,
    counts: params.heldOut,
    onDocument: tellHeldOut,
    onPause: tellHeldOut,
  });

  const shuffle = new ExternalShuffle({ folder: path.join(outputFolder, '.shuffle'), seed });
  try {
    const documents = await packSources({ sources, rows: { needed: groups * rowsPerGroup, groups, perGroup: rowsPerGroup }, sequenceLength, vocabularySize, tokenizer, heldOut, shuffle, turn });
    const rows = shuffle.rowsInOrder()[Symbol.asyncIterator]();
    const rowsOf = new Map<string, number>();
    const digest = createHash('sha256');
    const indexes: ShardIndex[] = [];
    let written = 0;
    const groupRows = async function* (): AsyncIterable<PackedRow> {
      for (let i = 0; i < rowsPerGroup; i++) {
        const { value, done } = await rows.next();
        if (done === true) return;
        rowsOf.set(value.source, (rowsOf.get(value.source) ?? 0) + 1);
        await turn('write', written++ / (groups * rowsPerGroup), 'writing shards');
        yield value;
      }
    };
    for (let group = 0; group < groups; group++) {
      const prefix = `group-${String(group).padStart(3, '0')}`;
      const shards = await writeTokenShards({ folder: outputFolder, prefix, rows: groupRows(), count: rowsPerGroup, sequenceLength, vocabularySize, rowsPerShard });
      indexes.push(shards.index);
      digest.update(`group ${group} ${shards.digest}\n`);
    }
    await mkdir(path.join(outputFolder, 'held-out'), { recursive: true });
    const describe = async (set: HeldOutSet): Promise<CorpusIndex['heldOut'][HeldOutSet]> => {
      const { passages, documents: count } = heldOut.sets[set];
      const file = `held-out/${set}.parquet`;
      digest.update(`held-out ${set}\n`);
      await writeHeldOut(path.join(outputFolder, file), passages, vocabularySize, digest);
      return { file, examples: passages.length, documents: count };
    };
    const described: CorpusIndex['sources'][number][] = [];
    const say = saying(params, 'reading the sources for their digests');
    for (const source of sources) {
      await say(true);
      described.push({ name: source.name, documents: documents.get(source.name) ?? 0, rows: rowsOf.get(source.name) ?? 0, sha256: sha256(JSON.stringify(await source.inputs(() => say()))) });
    }
    const index: CorpusIndex = {
      vocabularySize,
      sequenceLength,
      groups: indexes,
      heldOut: { validation: await describe('validation'), tuning: await describe('tuning'), test: await describe('test') },
      sources: described,
      tokenizer: { file: 'tokenizer.json', sha256: sha256(tokenizerText) },
    };
    await writeFile(path.join(outputFolder, 'corpus.json'), `${JSON.stringify(index, null, 2)}\n`);
    await params.onProgress?.(STEPS, STEPS, 'done');
    return { index, digest: digest.digest('hex'), withoutBlanks: heldOut.withoutBlanks };
  } finally {
    await shuffle.remove();
  }
}

async function openTokenizer({ sources, tokenizer, configFolder }: PrepareCorpus, turn: Turn): Promise<Tokenizer> {
  if (tokenizer.type === 'file') return loadTokenizer(path.resolve(configFolder, tokenizer.path));
  const { vocabularySize, sampleBytes } = tokenizer;
  let read = 0;
  const tell = (): Promise<void> => turn('tokenizer', 0.5 * read, 'reading for the tokenizer');
  const texts = async function* (): AsyncIterable<string> {
    for (const [i, source] of sources.entries()) {
      let left = sampleBytes * (source.share ?? 1 / sources.length);
      for await (const document of source.documents()) {
        if (!('text' in document)) continue; // a tokenised source throws
        const { text } = document;
        read = (i + (source.progress() ?? 0)) / sources.length;
        await tell();
        yield text.slice(0, Math.ceil(left));
        left -= Buffer.byteLength(text, 'utf8');
        if (left <= 0) break;
      }
    }
  };
  return trainTokenizer({ texts: texts(), vocabularySize, sampleBytes: Infinity, onPause: tell, onProgress: (share) => turn('tokenizer', 0.5 + 0.5 * share, 'training the tokenizer') });
}
