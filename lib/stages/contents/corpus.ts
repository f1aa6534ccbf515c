import { readFile } from 'node:fs/promises';
import type { Artifact, Ref } from '../../artifacts/types.js';
import type { Store } from '../../artifacts/index.js';
import { openDataset, readHeldOut } from '../../data/index.js';
import type { CorpusIndex, HeldOutExample, HeldOutSet, ShardIndex, TokenDataset } from '../../data/types.js';
import { counted } from '../../counted.js';
import { BlissError } from '../../errors.js';

/** The prepare stage's artifact, opened: its index and what lies in it. */
export interface Corpus {
  readonly artifact: Artifact;
  readonly index: CorpusIndex;
  /** `documents`: rows come with the ids of their documents */
  group(group: number, options?: { readonly documents?: boolean }): Promise<TokenDataset>;
  heldOut(set: HeldOutSet): Promise<readonly HeldOutExample[]>;
}

export async function openCorpus(store: Store, ref: Ref): Promise<Corpus> {
  const artifact = await store.open(ref);
  const index = await readJson<CorpusIndex>(artifact, 'corpus.json');
  return {
    artifact,
    index,
    group: (group, options) => openDataset(artifact, index.groups[group], options),
    heldOut: async (set) => readHeldOut(await artifact.file(index.heldOut[set].file), index.sequenceLength),
  };
}

/** A dataset before it is opened: what a feeder takes. */
export interface Shards {
  readonly artifact: Artifact;
  readonly index: ShardIndex;
}

/** `selection.json`: where the rows of a selection lie. */
export interface SelectionIndex {
  readonly dataset: ShardIndex;
}

/** The rows of a selection, to train on. @throws BlissError DataInvalid where they do not fill a batch, or are of another length than T */
export async function openSelection({ store, ref, batchSize, sequenceLength, stage }: { readonly store: Store; readonly ref: Ref; readonly batchSize: number; readonly sequenceLength: number; readonly stage: string }): Promise<Shards> {
  const artifact = await store.open(ref);
  const { dataset } = await readJson<SelectionIndex>(artifact, 'selection.json');
  if (dataset.rows < batchSize) {
    throw new BlissError({
      code: 'DataInvalid',
      message: `the selection has ${counted(dataset.rows, 'row')}, fewer than one batch of ${batchSize}`,
      where: stage,
      fix: 'lower the batch size, or raise the selected fraction or data.rowsPerGroup',
    });
  }
  if (dataset.sequenceLength !== sequenceLength) {
    throw new BlissError({
      code: 'DataInvalid',
      message: `the selection has rows of ${dataset.sequenceLength} tokens, data.sequenceLength is ${sequenceLength}`,
      where: stage,
      fix: 'take a selection of a run with the same data and tokenizer',
    });
  }
  return { artifact, index: dataset };
}

/** A JSON file that one of our own stages wrote; its bytes are checked against the manifest. */
export async function readJson<T>(artifact: Artifact, name: string): Promise<T> {
  return JSON.parse(await readFile(await artifact.file(name), 'utf8')) as T;
}
