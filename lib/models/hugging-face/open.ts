import { access } from 'node:fs/promises';
import path from 'node:path';
import { BlissError } from '../../errors.js';
import type { Shapes } from '../../tensor/index.js';
import { sameShape } from '../../tensor/shapes.js';
import { createModel } from '../create-model.js';
import { familyOf } from '../families/index.js';
import { openSafetensors, type SafetensorsFile, type StoredTensor } from '../safetensors.js';
import { readHuggingFaceConfig, type HuggingFaceModel } from './config.js';
import { CONFIG_FILE, INDEX_FILE, readIndexFile, readJsonFile, WEIGHTS_FILE } from './index-file.js';

/** An open folder as transformers saves a model: headers are in memory, tensors are read one by one. */
export interface HuggingFaceCheckpoint extends HuggingFaceModel {
  /** the model's own, all of which are there, in its order */
  readonly shapes: Shapes;
  /** names of the files that the weights come from, in the folder */
  readonly files: readonly string[];
  /** one tensor by positioned reads, one read at a time, float32 whatever it is stored as. @throws BlissError DataCorrupt, DataInvalid */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** names told of many */
const NAMED = 3;

/**
 * @param folder `config.json`, and `model.safetensors` or its shards with their index
 * @throws BlissError ConfigInvalid for another model; DataInvalid, DataCorrupt, naming file and tensor, where the weights are not the model's
 */
export async function openHuggingFace(folder: string): Promise<HuggingFaceCheckpoint> {
  const configFile = path.join(folder, CONFIG_FILE);
  const config = readHuggingFaceConfig(await readJsonFile(configFile), configFile);
  const shapes = shapesOf(config, configFile);
  const shards = openShards(folder);
  try {
    const { home, files, headers } = await readHeaders(folder, shards);
    const form = familyOf(config.model).huggingFace;
    const tied = form.tied(config.model);
    checkTensors({ folder, shapes, home, headers, mayBeThere: (name) => form.constants.test(name) || name === tied?.output });
    const read = async (name: string): Promise<Float32Array> => {
      const array = await (await shards.open(home[name])).read(name);
      if (array instanceof Float32Array) return array;
      throw invalid(path.join(folder, home[name]), `${name} holds integers`);
    };
    if (tied !== undefined && Object.hasOwn(home, tied.output)) await checkTied({ read, tied, where: path.join(folder, home[tied.output]) });
    return { ...config, shapes, files, read, close: shards.close };
  } catch (error) {
    await shards.close();
    throw error;
  }
}

function shapesOf({ model, vocabularySize }: HuggingFaceModel, where: string): Shapes {
  try {
    return createModel(model).shapes(vocabularySize);
  } catch (error) {
    if (!(error instanceof BlissError) || error.where !== undefined) throw error;
    throw new BlissError({ code: error.code, where, message: error.bare, cause: error });
  }
}

type Home = Readonly<Record<string, string>>;

type Headers = ReadonlyMap<string, Readonly<Record<string, StoredTensor>>>;

interface Shards {
  open(file: string): Promise<SafetensorsFile>;
  close(): Promise<void>;
}

/** One file is open at a time: a model of hundreds of shards has more than a process may open. */
function openShards(folder: string): Shards {
  let current: { readonly file: string; readonly opened: SafetensorsFile } | undefined;
  const close = async (): Promise<void> => {
    const last = current;
    current = undefined;
    await last?.opened.close();
  };
  return {
    close,
    open: async (file) => {
      if (current?.file === file) return current.opened;
      await close();
      const where = path.join(folder, file);
      try {
        current = { file, opened: await openSafetensors(where) };
        return current.opened;
      } catch (cause) {
        if (cause instanceof BlissError) throw cause;
        throw new BlissError({ code: 'DataInvalid', where, message: 'the shard cannot be read', fix: `copy or download it again, as ${INDEX_FILE} names it`, cause });
      }
    },
  };
}

/** @returns the file of each tensor, and what each file holds */
async function readHeaders(folder: string, shards: Shards): Promise<{ readonly home: Home; readonly files: readonly string[]; readonly headers: Headers }> {
  if (await isThere(path.join(folder, WEIGHTS_FILE))) {
    const { tensors } = await shards.open(WEIGHTS_FILE);
    return { home: Object.fromEntries(Object.keys(tensors).map((name) => [name, WEIGHTS_FILE])), files: [WEIGHTS_FILE], headers: new Map([[WEIGHTS_FILE, tensors]]) };
  }
  if (!(await isThere(path.join(folder, INDEX_FILE)))) {
    throw new BlissError({ code: 'DataInvalid', where: folder, message: `there is neither ${WEIGHTS_FILE} nor ${INDEX_FILE}`, fix: 'save the model as safetensors: model.save_pretrained(folder) of transformers' });
  }
  const home = await readIndexFile(folder);
  const files = [...new Set(Object.values(home))].sort();
  const headers = new Map<string, Readonly<Record<string, StoredTensor>>>();
  for (const file of files) {
    const { tensors } = await shards.open(file);
    headers.set(file, tensors);
    const strayed = Object.keys(tensors).find((name) => home[name] !== file);
    if (strayed !== undefined) throw invalid(path.join(folder, file), `${strayed} lies in it, and ${INDEX_FILE} says ${home[strayed] ?? 'nothing of it'}`);
  }
  return { home, files, headers };
}

interface CheckTensors {
  readonly folder: string;
  readonly shapes: Shapes;
  readonly home: Home;
  readonly headers: Headers;
  readonly mayBeThere: (name: string) => boolean;
}

function checkTensors({ folder, shapes, home, headers, mayBeThere }: CheckTensors): void {
  const all = path.join(folder, headers.has(WEIGHTS_FILE) ? WEIGHTS_FILE : INDEX_FILE);
  const missing = Object.keys(shapes).filter((name) => !Object.hasOwn(home, name));
  if (missing.length > 0) throw invalid(all, `${few(missing)} missing, which config.json's model has`);
  const extra = Object.keys(home).filter((name) => !Object.hasOwn(shapes, name) && !mayBeThere(name));
  if (extra.length > 0) throw invalid(path.join(folder, home[extra[0]]), `${few(extra)} not of config.json's model`);
  for (const [name, shape] of Object.entries(shapes)) {
    const where = path.join(folder, home[name]);
    const tensors = headers.get(home[name]) ?? {};
    if (!Object.hasOwn(tensors, name)) throw invalid(where, `${name} is missing, which ${INDEX_FILE} says is there`);
    if (!sameShape(tensors[name].shape, shape)) throw invalid(where, `${name} is [${tensors[name].shape.join(', ')}], config.json's model wants [${shape.join(', ')}]`);
  }
}

/** Some programs save a tied projection too. It counts for nothing, so it must be the embedding. */
async function checkTied({ read, tied, where }: { readonly read: (name: string) => Promise<Float32Array>; readonly tied: { readonly embedding: string; readonly output: string }; readonly where: string }): Promise<void> {
  const [embedding, output] = [await read(tied.embedding), await read(tied.output)];
  if (embedding.length === output.length && embedding.every((value, i) => value === output[i])) return;
  throw new BlissError({ code: 'DataInvalid', where, message: `${tied.output} is not ${tied.embedding}, and config.json ties them`, fix: 'write "tie_word_embeddings": false into config.json, or leave the tensor out' });
}

const few = (names: readonly string[]): string => `${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ` and ${names.length - NAMED} more are` : names.length > 1 ? ' are' : ' is'}`;
const isThere = (file: string): Promise<boolean> => access(file).then(() => true, () => false);
const invalid = (where: string, message: string): BlissError => new BlissError({ code: 'DataInvalid', where, message, fix: 'give the weights and the config.json of one model' });
