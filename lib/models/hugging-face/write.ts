import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { sizeOf } from '../../tensor/shapes.js';
import { writeTensors } from '../safetensors.js';
import type { Shapes } from '../../tensor/index.js';
import { writeHuggingFaceConfig, type HuggingFaceModel } from './config.js';
import { CONFIG_FILE, INDEX_FILE, shardName, WEIGHTS_FILE } from './index-file.js';

/** bytes of a file of weights, above which there are several; as transformers has it by default */
const SHARD_BYTES = 5e9;
const FLOAT_BYTES = 4;

export interface WriteHuggingFace extends HuggingFaceModel {
  /** there, and empty */
  readonly folder: string;
  /** the model's tensors, in the checkpoint's order */
  readonly shapes: Shapes;
  /** a tensor by the checkpoint's name, float32; called once each, so that one at a time is held */
  readonly read: (name: string) => Promise<Float32Array>;
  /** a `tokenizer.json` to go along */
  readonly tokenizer?: { readonly file: string; readonly endOfText: { readonly id: number; readonly content: string } };
  /** @default 5e9 */
  readonly shardBytes?: number;
}

/**
 * A folder that transformers loads by itself: `config.json` in both spellings, float32 weights in one file or in shards with an index,
 * `generation_config.json`, and the tokenizer. Not atomic: write beside and rename.
 */
export async function writeHuggingFace({ folder, shapes, read, tokenizer, shardBytes = SHARD_BYTES, ...model }: WriteHuggingFace): Promise<void> {
  const { id: endOfText = 0, content } = tokenizer?.endOfText ?? {};
  await writeJson(folder, CONFIG_FILE, writeHuggingFaceConfig(model, endOfText));
  await writeJson(folder, 'generation_config.json', { _from_model_config: true, bos_token_id: endOfText, eos_token_id: endOfText });
  if (tokenizer !== undefined) {
    await copyFile(tokenizer.file, path.join(folder, 'tokenizer.json'));
    // without it transformers takes the architecture's own tokenizer class, which splits text its own way
    await writeJson(folder, 'tokenizer_config.json', { tokenizer_class: 'PreTrainedTokenizerFast', bos_token: content, eos_token: content, model_max_length: model.contextLength, clean_up_tokenization_spaces: false });
  }
  await writeWeights({ folder, shapes, read, shardBytes });
}

async function writeWeights({ folder, shapes, read, shardBytes }: Pick<WriteHuggingFace, 'folder' | 'shapes' | 'read'> & { readonly shardBytes: number }): Promise<void> {
  const shards = intoShards(shapes, shardBytes);
  const nameOf = (index: number): string => (shards.length === 1 ? WEIGHTS_FILE : shardName(index, shards.length));
  let total = 0;
  for (const [index, names] of shards.entries()) {
    total += await writeTensors({ path: path.join(folder, nameOf(index)), tensors: names.map((name) => ({ name, shape: shapes[name], type: 'F32' })), read });
  }
  if (shards.length === 1) return;
  const home = Object.fromEntries(shards.flatMap((names, index) => names.map((name) => [name, nameOf(index)])));
  await writeJson(folder, INDEX_FILE, { metadata: { total_parameters: total / FLOAT_BYTES, total_size: total }, weight_map: home });
}

/** Names in their order, each shard as full as it gets; a tensor larger than a shard has one of its own. */
function intoShards(shapes: Shapes, shardBytes: number): string[][] {
  const shards: string[][] = [];
  let room = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = sizeOf(shape) * FLOAT_BYTES;
    if (shards.length === 0 || bytes > room) {
      shards.push([]);
      room = shardBytes;
    }
    shards.at(-1)?.push(name);
    room -= bytes;
  }
  return shards;
}

const writeJson = (folder: string, file: string, value: unknown): Promise<void> => writeFile(path.join(folder, file), `${JSON.stringify(value, undefined, 2)}\n`);
