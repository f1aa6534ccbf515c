import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BYTE_CHARACTERS } from '../../lib/data/tokenizer/bytes.js';
import { createTokenizer, tokenizerJson } from '../../lib/data/tokenizer/index.js';

const fixtures = path.join(import.meta.dirname, '..', 'fixtures');

/** tiny-neox as a folder that transformers would open, with the tokenizer of lm-eval/expected.json: a byte is a token, the end of a text is 0. */
export async function tinyFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const file of ['config.json', 'model.safetensors']) await cp(path.join(fixtures, 'tiny-neox', file), path.join(folder, file));
  const tokenizer = createTokenizer({
    vocabulary: new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte])),
    merges: [],
    added: [{ id: 0, content: '<|endoftext|>', normalized: false, lstrip: false, rstrip: false }],
    endOfText: 0,
    normalizer: null,
    preTokenizer: { splits: [], addPrefixSpace: false, useRegex: true },
    ignoreMerges: false,
  });
  await writeFile(path.join(folder, 'tokenizer.json'), tokenizerJson(tokenizer));
  return folder;
}
