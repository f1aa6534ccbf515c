import { loadTokenizer, readHeldOut } from '../../data/index.js';
import type { CorpusIndex } from '../../data/types.js';
import type { TextBytes } from '../../report/index.js';
import { readJson } from '../contents/index.js';
import type { OpenedStage } from './opened-stage.js';

const SETS = ['tuning', 'test'] as const;

/** UTF-8 bytes of the held-out tokens that losses are of, of each seed's corpus: all but the first of each passage. */
export async function textBytes(opened: readonly OpenedStage[]): Promise<TextBytes[]> {
  const counted: TextBytes[] = [];
  for (const { stage: { name, seed }, artifacts: [artifact] } of opened) {
    if (name !== 'prepare' || seed === null) continue;
    const { heldOut, tokenizer: { file }, sequenceLength } = await readJson<CorpusIndex>(artifact, 'corpus.json');
    const tokenizer = await loadTokenizer(await artifact.file(file));
    for (const set of SETS) {
      const passages = await readHeldOut(await artifact.file(heldOut[set].file), sequenceLength);
      const tokens = passages.reduce((sum, { length }) => sum + length - 1, 0);
      const bytes = passages.reduce((sum, passage) => sum + tokenizer.byteLength(passage.tokens.subarray(1, passage.length)), 0);
      counted.push({ seed, set, tokens, bytes });
    }
  }
  return counted;
}
