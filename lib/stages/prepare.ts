import { packageVersion } from '../package-root.js';
import { dealtEqually, inputDigests, openSources, prepareCorpus } from '../data/index.js';
import type { PrepareInput, Stage } from './types.js';

/** Raw text → tokenizer, packed rows in disjoint shard groups, held-out sets.  @see method §4 */
export const prepare: Stage<'prepare'> = {
  name: 'prepare',
  version: 2,
  // where the files lie does not matter, what they hold does, and what they are called from where their source begins
  keyInput: ({ configFolder: _where, data, heldOut, tokenizer, ...input }: PrepareInput) => ({
    ...input,
    data: { ...data, sources: data.sources.map(withoutPlaces) },
    heldOut: { ...heldOut, source: withoutPlaces(heldOut.source) },
    // before, each set got a third of the documents
    ...dealt(heldOut),
    tokenizer: tokenizer.type === 'file' ? { type: tokenizer.type } : tokenizer,
  }),
  keyParts: async (input) => ({ files: await inputDigests(input), code: packageVersion() }),
  run: async (input, context) => {
    const { index, digest, withoutBlanks } = await prepareCorpus({
      sources: openSources(input.data, input.configFolder, input.seed),
      tokenizer: input.tokenizer,
      heldOut: input.heldOut,
      sequenceLength: input.data.sequenceLength,
      rowsPerGroup: input.data.rowsPerGroup,
      groups: input.groups,
      rowsPerShard: input.data.rowsPerShard,
      seed: input.seed,
      vocabularySize: input.vocabularySize,
      outputFolder: context.scratch,
      configFolder: input.configFolder,
      onProgress: (step, of) => context.progress({ step, of }),
      onPhase: (what) => context.phase(what),
      shouldStop: () => context.stopReason() !== undefined,
    });
    const passages = Object.values(index.heldOut).reduce((sum, { examples }) => sum + examples, 0);
    if (withoutBlanks > 0) context.note(`${withoutBlanks} of ${passages} held-out passages are of text without blanks: their last word is their last token; bilevel.validationLoss: all-tokens counts all of them`);
    return {
      kind: 'corpus',
      folder: context.scratch,
      digest,
      summary: {
        rows: index.groups.reduce((sum, group) => sum + group.rows, 0),
        rowsByGroup: index.groups.map((group) => group.rows),
        shards: index.groups.map((group) => group.shards.length),
        sources: Object.fromEntries(index.sources.map(({ name, rows }) => [name, rows])),
        vocabularySize: index.vocabularySize,
        ...dealt(input.heldOut),
      },
    };
  },
};

/** How documents became sets; absent: in turn, as it has been for sets of any sizes. */
export const dealt = (heldOut: PrepareInput['heldOut']): { readonly dealt?: 'by size' } => (dealtEqually(heldOut) ? {} : { dealt: 'by size' });

function withoutPlaces(source: object): object {
  return Object.fromEntries(Object.entries(source).filter(([field]) => field !== 'paths'));
}
