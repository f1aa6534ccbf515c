import { z } from 'zod';
import { openSplit, type SplitStep } from './splits.js';
import { Untranslatable } from './untranslatable.js';

/** How a text is cut into words: by `splits` one after the other, then as ByteLevel says. */
export interface PreTokenizer {
  readonly splits: readonly SplitStep[];
  /** ByteLevel's: a space before each piece that has none */
  readonly addPrefixSpace: boolean;
  /** ByteLevel's: GPT-2's pattern within each piece */
  readonly useRegex: boolean;
}

/** GPT-2's and GPT-NeoX's. */
export const BYTE_LEVEL: PreTokenizer = { splits: [], addPrefixSpace: false, useRegex: true };

export class UnsupportedPreTokenizer extends Error {}

const stepSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ByteLevel'), add_prefix_space: z.boolean().default(true), use_regex: z.boolean().default(true) }),
  z.object({
    type: z.literal('Split'),
    pattern: z.union([z.object({ Regex: z.string().min(1) }), z.object({ String: z.string().min(1) })]),
    behavior: z.string(),
    invert: z.boolean().default(false),
  }),
  z.object({ type: z.literal('Digits'), individual_digits: z.boolean().default(false) }),
]);
const sequenceSchema = z.object({ type: z.literal('Sequence'), pretokenizers: z.array(z.looseObject({ type: z.string() })) });

/**
 * `pre_tokenizer` of a tokenizer.json: ByteLevel (GPT-2, GPT-NeoX), or splits and digits with ByteLevel last (Llama 3, Qwen).
 * @throws UnsupportedPreTokenizer, which names what is not supported
 */
export function readPreTokenizer(json: { readonly type: string } | null | undefined): PreTokenizer {
  const sequence = sequenceSchema.safeParse(json);
  const steps = sequence.success ? sequence.data.pretokenizers : json == null ? [] : [json];
  const inSequence = sequence.success ? ' (in the Sequence)' : '';
  const splits: SplitStep[] = [];
  for (const [i, step] of steps.entries()) {
    const parsed = stepSchema.safeParse(step);
    if (!parsed.success) throw new UnsupportedPreTokenizer(`the pre-tokenizer${inSequence} is ${step.type}${['ByteLevel', 'Split', 'Digits'].includes(step.type) ? ' of an unknown form' : ', not ByteLevel'}`);
    const { data } = parsed;
    if (data.type === 'Digits') splits.push({ type: 'Digits', individual: data.individual_digits });
    else if (data.type === 'Split') splits.push(readSplit(data));
    else if (i < steps.length - 1) throw new UnsupportedPreTokenizer('the pre-tokenizer ByteLevel is not the last of the Sequence');
    else if (!data.use_regex && splits.length === 0) throw new UnsupportedPreTokenizer('the pre-tokenizer ByteLevel without its pattern (use_regex: false) and without a Split before it is not supported');
    else return { splits, addPrefixSpace: data.add_prefix_space, useRegex: data.use_regex };
  }
  throw new UnsupportedPreTokenizer(`the pre-tokenizer${inSequence} is ${steps.map(({ type }) => type).join(', ') || 'none'}, ${sequence.success ? 'without ByteLevel at the end' : 'not ByteLevel'}`);
}

function readSplit({ pattern, behavior, invert }: { readonly pattern: { readonly Regex: string } | { readonly String: string }; readonly behavior: string; readonly invert: boolean }): SplitStep {
  const keep = behavior === 'Isolated' ? 'all' : behavior === 'Removed' && invert ? 'matches' : undefined;
  if (keep === undefined) throw new UnsupportedPreTokenizer(`the pre-tokenizer Split with behavior ${behavior}${invert ? ' (inverted)' : ''} is not supported; Isolated is`);
  const step: SplitStep = { type: 'Split', pattern, keep };
  try {
    openSplit(step);
  } catch (error) {
    if (error instanceof Untranslatable) throw new UnsupportedPreTokenizer(`the pattern of the pre-tokenizer Split has ${error.message}, which is not supported`);
    throw error;
  }
  return step;
}

/** The same as `tokenizers` writes it. */
export function preTokenizerJson({ splits, addPrefixSpace, useRegex }: PreTokenizer): unknown {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: useRegex };
  if (splits.length === 0) return byteLevel;
  const steps = splits.map((step) =>
    step.type === 'Digits' ? { type: 'Digits', individual_digits: step.individual } : { type: 'Split', pattern: step.pattern, behavior: step.keep === 'all' ? 'Isolated' : 'Removed', invert: step.keep === 'matches' },
  );
  return { type: 'Sequence', pretokenizers: [...steps, byteLevel] };
}
