import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { openDatabase, sqlText } from '../lib/data/index.js';
import { randomStream } from '../lib/random.js';

/** kinds of words, of sentences, and sentences of a document: two kilobytes of text */
const WORDS = 3_000;
const SENTENCES = 8_192;
const SENTENCES_PER_DOCUMENT = 32;

export interface MadeDocuments {
  readonly file: string;
  readonly bytes: number;
  readonly seed: string;
}

/** Documents as JSON lines, of made words that are as frequent as words are: the k-th a k-th as often as the first. @returns bytes written */
export async function makeDocuments({ file, bytes, seed }: MadeDocuments): Promise<number> {
  const random = randomStream('documents', seed);
  const words = Array.from({ length: WORDS }, () => Array.from({ length: 2 + random.below(8) }, () => String.fromCharCode(97 + random.below(26))).join(''));
  const word = (): string => words[Math.floor(WORDS ** random.uniform()) - 1];
  const sentences = Array.from({ length: SENTENCES }, () => `${Array.from({ length: 6 + random.below(12) }, word).join(' ')}.`);
  const stream = createWriteStream(file);
  let written = 0;
  while (written < bytes) {
    let lines = '';
    for (let i = 0; i < 64; i++) {
      let text = `Page ${random.below(1e9)}.`;
      for (let j = 0; j < SENTENCES_PER_DOCUMENT; j++) text += ` ${sentences[random.below(SENTENCES)]}`;
      lines += `{"text":"${text}"}\n`;
    }
    written += lines.length; // ASCII
    if (!stream.write(lines)) await once(stream, 'drain');
  }
  stream.end();
  await finished(stream);
  return written;
}

/** A Parquet file as scoring leaves one: ids as packing makes them, normally distributed logits in float32, many of them equal. */
export async function makeScores({ file, rows, temporaryFolder }: { readonly file: string; readonly rows: number; readonly temporaryFolder: string }): Promise<void> {
  const database = await openDatabase({ temporaryFolder });
  const uniform = (salt: number): string => `((hash(range + ${salt} * ${rows}) % 1000003 + 0.5) / 1000003)`;
  try {
    await database.run(`COPY (
      SELECT 'made:' || lpad(range::VARCHAR, 9, '0') AS id, range::INTEGER AS index, 'made' AS source,
        (sqrt(-2 * ln(${uniform(1)})) * cos(2 * pi() * ${uniform(2)}))::FLOAT AS logit, hash(range) % 2 = 0 AS trained
      FROM range(${rows})
    ) TO ${sqlText(file)} (FORMAT parquet, COMPRESSION snappy)`);
  } finally {
    await database.close();
  }
}
