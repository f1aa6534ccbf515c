import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestJson } from '../artifacts/index.js';
import type { TokenDataset } from '../data/types.js';
import { lexicalScore, logImportance, NgramCounts, trainClassifier, type LexicalScorer } from '../selection/lexical/index.js';
import { openCorpus, readJson } from './contents/index.js';
import { throwIfStopped } from './execution/index.js';
import { sampleRows } from '../data/index.js';
import type { OpenRater, RatingStage, StageContext, StageInputs } from './types.js';

/** `LexicalScorer` as JSON */
const LEXICAL_FILE = 'lexical.json';
/** of the result, 10,000 weights as text, about */
const LEXICAL_BYTES = 200_000;
/** rows of the group for each wanted text that the classifier learns from */
const NEGATIVES = 4;
/** fewer say little of a corpus of many sources */
const FEWEST_NEGATIVES = 2_000;

/**
 * Weights of hashed n-grams by which rows are likened to the validation set: importance weights, or a classifier's. No tensors, and no model but
 * these counts.  @see method §9
 */
export const lexical: RatingStage<'lexical'> = {
  name: 'lexical',
  version: 1,
  run: async (input, context) => {
    const corpus = await openCorpus(context.store, input.corpus);
    const group = await corpus.group(input.group);
    const wanted = (await corpus.heldOut('validation')).map(({ tokens, length }) => tokens.subarray(0, length));
    const scorer = input.method === 'dsir' ? await dsir(wanted, group, context) : await classifier(wanted, group, input, context);
    const text = JSON.stringify({ ...scorer, weights: Array.from(scorer.weights) });
    await writeFile(path.join(context.scratch, LEXICAL_FILE), text);
    return { kind: 'lexical-scorer', folder: context.scratch, digest: digestJson(JSON.parse(text)), summary: { method: input.method, group: input.group, wantedTexts: wanted.length } };
  },
  work: ({ data }) => ({ amount: data.rowsPerGroup, unit: 'rows', flops: 0, bytes: LEXICAL_BYTES }),
  openRater: (from) => byNgrams(from),
};

const byNgrams: OpenRater = async ({ input: { sequenceLength, batchSize }, scorer }) => {
  const { weights, ...rest } = await readJson<Omit<LexicalScorer, 'weights'> & { readonly weights: readonly number[] }>(scorer, LEXICAL_FILE);
  const learnt = { ...rest, weights: Float32Array.from(weights) };
  return (tokens) => Float32Array.from({ length: batchSize }, (_, i) => lexicalScore(learnt, tokens.subarray(i * sequenceLength, (i + 1) * sequenceLength)));
};

async function dsir(wanted: readonly Int32Array[], group: TokenDataset, context: StageContext): Promise<LexicalScorer> {
  const target = new NgramCounts();
  for (const tokens of wanted) target.add(tokens);
  const raw = new NgramCounts();
  for await (const { tokens, index } of group.read(0, group.rows)) {
    raw.add(tokens);
    await say(index, group, context);
  }
  return { weights: logImportance({ target, raw }), bias: 0, pooling: 'sum' };
}

async function classifier(wanted: readonly Int32Array[], group: TokenDataset, { seed }: StageInputs['lexical'], context: StageContext): Promise<LexicalScorer> {
  const count = Math.max(FEWEST_NEGATIVES, NEGATIVES * wanted.length);
  const drawn = new Set(sampleRows(group.rows, Math.min(1, count / group.rows), `${seed}/negatives`));
  const negatives: Int32Array[] = [];
  for await (const { tokens, index } of group.read(0, group.rows)) {
    if (drawn.has(index)) negatives.push(tokens);
    await say(index, group, context);
  }
  await context.phase('training the classifier'); // in one go: its worker answers for it
  return { ...trainClassifier({ positives: wanted, negatives, seed }), pooling: 'mean' };
}

/** Every so many rows; nothing is saved on the way: minutes for millions of rows. */
async function say(index: number, group: TokenDataset, context: StageContext): Promise<void> {
  if ((index + 1) % 1024 !== 0) return;
  await context.progress({ step: index + 1, of: group.rows, amount: { value: index + 1, unit: 'rows' } });
  throwIfStopped(context);
}
