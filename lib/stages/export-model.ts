import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ModelConfig } from '../../config/sections/models.js';
import type { Store } from '../artifacts/index.js';
import type { Ref } from '../artifacts/types.js';
import { loadTokenizer } from '../data/tokenizer/index.js';
import { asBlissError, BlissError } from '../errors.js';
// not by lib/models' index: that brings TensorFlow, which nothing here needs
import { writeHuggingFace } from '../models/hugging-face/write.js';
import { openSafetensors } from '../models/safetensors.js';

export interface ExportModel {
  readonly store: Store;
  /** of a training stage */
  readonly state: Ref;
  /** the corpus that it was trained on, whose tokenizer goes along */
  readonly corpus: Ref;
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  /** folder to write, which must not be there; its parents are made */
  readonly to: string;
  /** what `bliss.json` in the folder says of its origin */
  readonly origin: Readonly<Record<string, unknown>>;
  /** bytes of a file of weights, above which there are several */
  readonly shardBytes?: number;
}

/**
 * The weights of a state as a Hugging Face folder. Written beside, flushed and renamed: the folder is there whole or not at all.
 * @throws BlissError Usage where `to` is there; ArtifactMissing, DataCorrupt
 */
export async function exportModel({ store, state, corpus, to, origin, model, vocabularySize, sequenceLength, shardBytes }: ExportModel): Promise<void> {
  refuseExisting(to);
  const artifact = await store.open(state);
  const tokenizerFile = await (await store.open(corpus)).file('tokenizer.json');
  const tokenizer = await loadTokenizer(tokenizerFile);
  const { endOfText: id } = tokenizer;
  const weights = await openSafetensors(await artifact.file('weights.safetensors'));
  const beside = path.join(path.dirname(to), `.${path.basename(to)}.${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(beside, { recursive: true });
    await writeHuggingFace({
      folder: beside,
      model,
      vocabularySize,
      contextLength: sequenceLength,
      shapes: Object.fromEntries(Object.entries(weights.tensors).map(([name, { shape }]) => [name, shape])),
      tokenizer: { file: tokenizerFile, endOfText: { id, content: tokenizer.decode([id]) } },
      read: async (name) => floats(await weights.read(name), name),
      ...(shardBytes === undefined ? {} : { shardBytes }),
    });
    await writeFile(path.join(beside, 'bliss.json'), `${JSON.stringify({ ...origin, state: { digest: state.digest, sha256: state.sha256 } }, undefined, 2)}\n`);
    await flushAll(beside);
    refuseExisting(to);
    await rename(beside, to);
    await flush(path.dirname(to));
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw asBlissError(error, to);
  } finally {
    await weights.close();
  }
}

function refuseExisting(to: string): void {
  if (existsSync(to)) throw new BlissError({ code: 'Usage', message: 'there is something of that name already, and nothing is written over', where: to, mend: 'give a folder that is not there, or remove it' });
}

function floats(array: Float32Array | Int32Array, name: string): Float32Array {
  if (array instanceof Float32Array) return array;
  throw new BlissError({ code: 'DataCorrupt', where: 'weights.safetensors', message: `${name} holds integers` });
}

async function flushAll(folder: string): Promise<void> {
  for (const file of await readdir(folder)) await flush(path.join(folder, file));
  await flush(folder);
}

/** @param file a folder too: a name is on the disk only once its folder is */
async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
