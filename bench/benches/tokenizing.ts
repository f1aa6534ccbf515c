import { demoSources } from '../../lib/data/demo/index.js';
import { trainTokenizer } from '../../lib/data/index.js';
import { BYTE_LEVEL, type PreTokenizer } from '../../lib/data/tokenizer/pre-tokenizer.js';
import { createTokenizer, type TokenizerParts } from '../../lib/data/tokenizer/tokenizer.js';
import type { Bench, Table } from '../bench.js';
import { summarise } from '../statistics.js';

const WORDS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const OTHERS = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const splitBy = (digits: string): PreTokenizer => ({ splits: [{ type: 'Split', pattern: { Regex: `${WORDS}|${digits}|${OTHERS}` }, keep: 'all' }], addPrefixSpace: false, useRegex: false });

const cases: Readonly<Record<string, Pick<TokenizerParts, 'preTokenizer' | 'normalizer' | 'ignoreMerges'>>> = {
  'gpt-neox': { preTokenizer: BYTE_LEVEL, normalizer: 'NFC', ignoreMerges: false },
  'llama-3': { preTokenizer: splitBy('\\p{N}{1,3}'), normalizer: null, ignoreMerges: true },
  qwen: { preTokenizer: splitBy('\\p{N}'), normalizer: 'NFC', ignoreMerges: false },
};
/** Entries of the vocabulary, which is trained on the text that is encoded. */
const ENTRIES = 32_000;

export interface TokenizingData {
  readonly bytes: number;
  /** of processor time for the whole text, one a repetition */
  readonly cases: readonly { readonly name: string; readonly milliseconds: readonly number[] }[];
}

/** Processor time, not the clock's: what a core does, whatever else it is busy with. Each repetition begins with empty caches. */
export const tokenizing: Bench<TokenizingData> = {
  name: 'tokenizing',
  about: 'MB/s a core of text to token ids, by the pre-tokenizers of GPT-NeoX, Llama 3 and Qwen',
  cases: Object.keys(cases),
  run: async (context) => {
    const [speeches] = demoSources({ mixture: { books: 0, speeches: 1, email: 0, spam: 0, shuffled: 0, boilerplate: 0 }, seed: '' });
    const texts: string[] = [];
    for await (const { text } of speeches.documents()) texts.push(text);
    context.say(`training a vocabulary of ${ENTRIES.toLocaleString('en')} entries`);
    const { parts } = await trainTokenizer({ texts, vocabularySize: ENTRIES, sampleBytes: Infinity });
    const wanted = Object.entries(cases).filter(([name]) => context.only.length === 0 || context.only.includes(name));
    const done = wanted.map(([name, form]) => {
      context.say(name);
      const milliseconds = Array.from({ length: context.repeats }, () => {
        const { encode } = createTokenizer({ ...parts, ...form });
        const before = process.cpuUsage();
        for (const text of texts) encode(text);
        const { user, system } = process.cpuUsage(before);
        return (user + system) / 1_000;
      });
      return { name, milliseconds };
    });
    return { bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text, 'utf8'), 0), cases: done };
  },
  tables: (data) => [tokenizingTable(data)],
};

function tokenizingTable({ bytes, cases: all }: TokenizingData): Table {
  return {
    caption: `${(bytes / 1e6).toFixed(1)} MB of English text to ids, ${ENTRIES.toLocaleString('en')} entries`,
    columns: ['pre-tokenizer', 'processor time, least / median', 'MB/s a core'],
    rows: all.map(({ name, milliseconds }) => {
      const { least, median } = summarise(milliseconds);
      return [name, `${least.toFixed(0)} / ${median.toFixed(0)} ms`, (bytes / 1e3 / median).toFixed(1)];
    }),
  };
}
