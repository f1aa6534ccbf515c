import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { BlissError } from '../../errors.js';
import { isLfsPointer, lfsPointer } from '../../git-lfs.js';
import { BYTE_CHARACTERS } from './bytes.js';
import { preTokenizerJson, readPreTokenizer, UnsupportedPreTokenizer, type PreTokenizer } from './pre-tokenizer.js';
import { createTokenizer, type Tokenizer, type TokenizerParts } from './tokenizer.js';

const namedSchema = z.looseObject({ type: z.string() });
const sequenceSchema = z.object({ type: z.literal('Sequence'), normalizers: z.array(namedSchema) });
const addedSchema = z.object({
  id: z.number().int().min(0),
  content: z.string().min(1),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().default(true),
});
const fileSchema = z.object({
  normalizer: namedSchema.nullish(),
  pre_tokenizer: namedSchema.nullish(),
  added_tokens: z.array(addedSchema).default([]),
  model: z.object({ type: z.string().default('BPE'), byte_fallback: z.boolean().nullish() }),
});
const modelSchema = z.object({
  dropout: z.number().nullish(),
  continuing_subword_prefix: z.string().nullish(),
  end_of_word_suffix: z.string().nullish(),
  ignore_merges: z.boolean().nullish(),
  vocab: z.record(z.string(), z.number().int().min(0)),
  merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
});

/** What models call the token that ends a document, the first that the tokenizer has. */
const END_OF_TEXT_NAMES = ['<|endoftext|>', '<|end_of_text|>', '</s>', '<eos>', '<｜end▁of▁sentence｜>'];

/**
 * Reads a Hugging Face `tokenizer.json` of byte-level BPE (GPT-2, GPT-NeoX, Llama 3, Qwen). What a post-processor adds, as Llama 3's
 * begin-of-text, is not added: documents are ended, not begun.
 * @throws BlissError DataInvalid: no such file, no JSON, or another kind of tokenizer, by name
 */
export async function loadTokenizer(file: string): Promise<Tokenizer> {
  const refuse = (message: string, fix: string, cause?: unknown): BlissError => new BlissError({ code: 'DataInvalid', where: file, message, fix, cause });
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw refuse('the tokenizer cannot be read', 'see that this file is there and can be read: tokenizer.path names it in a configuration, a model’s folder has it beside config.json', error);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (isLfsPointer(Buffer.from(text))) throw lfsPointer(file);
    throw refuse(`the tokenizer is no JSON (${String(error)})`, 'check that the file is whole', error);
  }
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) throw refuse('this is not a tokenizer.json of Hugging Face', 'give the file that `tokenizers` or `transformers` saves', parsed.error);
  const { normalizer, pre_tokenizer, added_tokens, model } = parsed.data;
  const fix = 'use a byte-level BPE, for example that of GPT-NeoX, or tokenizer.type: train';
  if (model.type !== 'BPE') throw refuse(`the tokenizer's model is ${model.type}, not byte-level BPE`, fix);
  if (model.byte_fallback === true) throw refuse('the tokenizer is a SentencePiece BPE with byte_fallback (as Llama 2’s, Mistral’s and Gemma’s), not byte-level BPE', fix);
  const normalizers = normalizersOf(normalizer);
  const other = normalizers.find((name) => name !== 'NFC');
  if (other !== undefined) throw refuse(`the normalizer ${other} is not supported; NFC or none is`, fix);
  let preTokenizer: PreTokenizer;
  try {
    preTokenizer = readPreTokenizer(pre_tokenizer);
  } catch (error) {
    if (error instanceof UnsupportedPreTokenizer) throw refuse(error.message, fix, error);
    throw error;
  }
  const bpe = modelSchema.safeParse((json as { model: unknown }).model);
  if (!bpe.success) throw refuse('the BPE model lacks vocab or merges', 'check that the file is whole', bpe.error);
  const { dropout, continuing_subword_prefix: prefix, end_of_word_suffix: suffix, ignore_merges, vocab, merges } = bpe.data;
  if (dropout) throw refuse('BPE with dropout gives other ids each time', 'set dropout to null');
  if (prefix || suffix) throw refuse('BPE with a sub-word prefix or a word suffix is not byte-level', fix);
  const missing = BYTE_CHARACTERS.findIndex((character, byte) => occursInUtf8(byte) && !(character in vocab));
  if (missing >= 0) throw refuse(`the vocabulary has no entry for byte ${missing}, so it is no byte-level BPE`, fix);
  const single = added_tokens.find((token) => token.single_word);
  if (single !== undefined) throw refuse(`the added token ${JSON.stringify(single.content)} wants single_word, which is not supported`, 'set single_word to false');
  const endOfText = END_OF_TEXT_NAMES.map((name) => added_tokens.find((token) => token.content === name)?.id ?? vocab[name]).find((id) => id !== undefined);
  if (endOfText === undefined) throw refuse(`the tokenizer has no end-of-text token (${END_OF_TEXT_NAMES.join(', ')})`, 'add one to added_tokens');
  try {
    return createTokenizer({
      vocabulary: new Map(Object.entries(vocab)),
      merges: merges.map((merge): [string, string] => (typeof merge === 'string' ? pairOf(merge) : merge)),
      added: added_tokens,
      endOfText,
      normalizer: normalizers.length > 0 ? 'NFC' : null,
      preTokenizer,
      ignoreMerges: ignore_merges ?? false,
    });
  } catch (error) {
    if (error instanceof RangeError) throw refuse(error.message, 'check that the file is whole', error);
    throw error;
  }
}

/** names of all, those of a Sequence one by one */
function normalizersOf(normalizer: z.infer<typeof namedSchema> | null | undefined): string[] {
  if (normalizer == null) return [];
  const sequence = sequenceSchema.safeParse(normalizer);
  return sequence.success ? sequence.data.normalizers.flatMap(normalizersOf) : [normalizer.type];
}

/** GPT-NeoX's vocabulary lacks the bytes that UTF-8 never has. */
function occursInUtf8(byte: number): boolean {
  return byte < 0xc0 || (byte > 0xc1 && byte < 0xf5);
}

function pairOf(merge: string): [string, string] {
  const space = merge.indexOf(' ');
  return [merge.slice(0, space), merge.slice(space + 1)];
}

/** The tokenizer as a Hugging Face `tokenizer.json` that `tokenizers` loads. */
export function tokenizerJson({ parts }: Tokenizer): string {
  const { vocabulary, merges, added, normalizer, preTokenizer, ignoreMerges }: TokenizerParts = parts;
  const byteLevel = preTokenizerJson({ ...preTokenizer, splits: [] }); // as decoder and for offsets its settings do nothing
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map(({ id, content, normalized, lstrip, rstrip }) => ({ id, content, single_word: false, lstrip, rstrip, normalized, special: !normalized })),
    normalizer: normalizer === null ? null : { type: normalizer },
    pre_tokenizer: preTokenizerJson(preTokenizer),
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries(vocabulary),
      merges: merges.map((merge) => [...merge]),
    },
  };
  return `${JSON.stringify(json)}\n`;
}
