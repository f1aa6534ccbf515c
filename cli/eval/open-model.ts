import { createHash } from 'node:crypto';
import path from 'node:path';
import { modelOf } from '../../config/sections/model-of.js';
import type { ModelConfig } from '../../config/sections/models.js';
import { digestJson, fileBlobs, openStore } from '../../lib/artifacts/index.js';
import { loadTokenizer, sha256OfFile, type Tokenizer } from '../../lib/data/index.js';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { openHuggingFace } from '../../lib/models/index.js';
import { openCorpus } from '../../lib/stages/contents/corpus.js';
import { readArrays } from '../../lib/stages/state.js';
import type { FinishedStage } from '../../lib/stages/types.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import type { PipelineInput } from '../../workflows/types.js';
import { finishedStages } from '../fork/index.js';
import { readJson } from '../runs.js';
import type { ModelSource } from './job.js';

/** A language model with all that its answers depend on. */
export interface OpenedModel {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  /** T */
  readonly contextLength: number;
  readonly tokenizer: Tokenizer;
  /** by checkpoint name, exactly the model's */
  readonly weights: NamedArrays;
  /** of weights, configuration and tokenizer */
  readonly digest: string;
}

/** @throws BlissError DataInvalid, DataCorrupt, ConfigInvalid, ArtifactMissing */
export const openModel = (home: Home, source: ModelSource): Promise<OpenedModel> => (source.type === 'folder' ? openFolder(source.folder) : openInRun(home, source));

/** A folder as transformers saves it. */
async function openFolder(folder: string): Promise<OpenedModel> {
  const tokenizerFile = path.join(folder, 'tokenizer.json');
  const tokenizer = await loadTokenizer(tokenizerFile);
  const { model, vocabularySize, contextLength, shapes, files, read, close } = await openHuggingFace(folder);
  try {
    const weights: Record<string, Float32Array> = {};
    for (const name of Object.keys(shapes)) weights[name] = await read(name);
    const hash = createHash('sha256');
    for (const file of ['config.json', ...files]) hash.update(await sha256OfFile(path.join(folder, file)));
    return { model, vocabularySize, contextLength, tokenizer, weights, digest: hash.update(await sha256OfFile(tokenizerFile)).digest('hex') };
  } finally {
    await close();
  }
}

/** The target of an arm after a round's decay: what its evaluation sees. */
async function openInRun(home: Home, { named, run, seed, arm, round }: Extract<ModelSource, { readonly type: 'run' }>): Promise<OpenedModel> {
  const input = readJson<PipelineInput>(home.run(run).input);
  if (input === undefined) throw new BlissError({ code: 'ArtifactMissing', where: home.run(run).input, message: `what the run ${run} was started with is not there`, fix: 'name a run of this home' });
  const store = openStore({ blobs: fileBlobs({ root: home.store }) });
  const finished = await finishedStages({ home, store, input });
  const stage = (name: string): FinishedStage => {
    const found = finished.find((one) => one.stage === name);
    if (found !== undefined) return found;
    const decayed = finished.flatMap(({ stage: one }) => (one.endsWith('/decay') ? [`${run}/${one.replace(/\/decay$/, '')}`] : []));
    throw new BlissError({ code: 'Usage', where: named, message: `the run ${run} has not finished ${name}`, fix: decayed.length === 0 ? 'wait for its first round' : `name one of ${decayed.join(', ')}` });
  };
  const state = stage(`seed-${seed}/${arm}/round-${round}/decay`).results[0].ref;
  const corpus = await openCorpus(store, stage(`seed-${seed}/prepare`).results[0].ref);
  const { models, data } = input.config;
  return {
    model: modelOf(models.target),
    vocabularySize: models.vocabularySize,
    contextLength: data.sequenceLength,
    tokenizer: await loadTokenizer(await corpus.artifact.file(corpus.index.tokenizer.file)),
    weights: await readArrays(await store.open(state), 'weights.safetensors'),
    digest: digestJson({ state: state.digest, tokenizer: corpus.index.tokenizer.sha256, model: modelOf(models.target), vocabularySize: models.vocabularySize }),
  };
}
