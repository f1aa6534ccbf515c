import { readdir } from 'node:fs/promises';
import type { ModelConfig } from '../../../config/sections/models.js';
import { writeFolderAtomic, type Store } from '../../artifacts/index.js';
import type { Ref } from '../../artifacts/types.js';
import { loadTokenizer } from '../../data/tokenizer/index.js';
import { BlissError } from '../../errors.js';
// not by lib/models' index: that brings TensorFlow, which nothing here needs
import { writeHuggingFace } from '../../models/hugging-face/write.js';
import { openSafetensors } from '../../models/safetensors.js';
import { writeExportManifest } from './export-manifest.js';
import { endIfStopped } from './export-stopped.js';
import type { FinishedStage } from '../types.js';

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
  /** what `manifest.json` in the folder says it is of */
  readonly origin: Readonly<Record<string, unknown>>;
  /** all that the run has finished: the lineage is found among them */
  readonly stages: readonly FinishedStage[];
  /** bytes of a file of weights, above which there are several */
  readonly shardBytes?: number;
  /** ends it between two tensors */
  readonly stop?: AbortSignal;
}

/**
 * The weights of a state as a Hugging Face folder, which is there whole or not at all.
 * @throws BlissError Usage where `to` is there; ArtifactMissing, DataCorrupt; DiskFull; Stopped
 */
export async function exportModel({ to, ...asked }: ExportModel): Promise<void> {
  await writeFolderAtomic({ to, write: (folder) => writeModel({ folder, ...asked }) });
}

async function writeModel({ folder, store, state, corpus, origin, stages, model, vocabularySize, sequenceLength, shardBytes, stop }: Omit<ExportModel, 'to'> & { readonly folder: string }): Promise<void> {
  const artifact = await store.open(state);
  const tokenizerFile = await (await store.open(corpus)).file('tokenizer.json');
  const tokenizer = await loadTokenizer(tokenizerFile);
  const { endOfText: id } = tokenizer;
  const weights = await openSafetensors(await artifact.file('weights.safetensors'));
  try {
    await writeHuggingFace({
      folder,
      model,
      vocabularySize,
      contextLength: sequenceLength,
      shapes: Object.fromEntries(Object.entries(weights.tensors).map(([name, { shape }]) => [name, shape])),
      tokenizer: { file: tokenizerFile, endOfText: { id, content: tokenizer.decode([id]) } },
      read: async (name) => {
        endIfStopped(stop);
        return floats(await weights.read(name), name);
      },
      ...(shardBytes === undefined ? {} : { shardBytes }),
    });
    const files = (await readdir(folder)).sort().map((name) => ({ name }));
    await writeExportManifest({ folder, store, what: 'model', of: { ...origin, state: { digest: state.digest, sha256: state.sha256 } }, from: [state], stages, files });
  } finally {
    await weights.close();
  }
}

function floats(array: Float32Array | Int32Array, name: string): Float32Array {
  if (array instanceof Float32Array) return array;
  throw new BlissError({ code: 'DataCorrupt', where: 'weights.safetensors', message: `${name} holds integers` });
}
