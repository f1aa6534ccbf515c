import { expect, test } from 'vitest';
import { datasetCard } from '../../../lib/stages/exports/dataset-card.js';

const card = (endOfText: string): string =>
  datasetCard({ run: 'run', seed: 0, arm: 'bliss', how: { by: 'by chance', score: 'none' }, rounds: [{ round: 1, rows: 2, selectedRows: 1, sources: [{ source: 'web', rows: 2, selectedRows: 1, selectedTrained: 0, selectedUntrained: 1 }] }], tables: [{ name: 'default', files: 'data/*.parquet', schema: { text: { type: 'UTF8' } }, rows: 1 }], sequenceLength: 8, endOfText, codeVersion: '1' });

test.each([
  ['<|endoftext|>', '`<|endoftext|>`'],
  ['a`b``c', '```a`b``c```'],
  ['`', '`` ` ``'],
  ['</s>\n\n# Another heading', '`</s>\\n\\n# Another heading`'],
  ['\x1b[31m', '`\\x1b[31m`'],
])('the token between documents is code on one line of the card, whatever a tokenizer calls it: %j', (token, shown) => {
  const line = card(token).split('\n').find((one) => one.startsWith('Documents are joined'));
  expect(line).toContain(`joined by ${shown} and cut`);
  expect(card(token).split('\n').filter((one) => one.startsWith('# '))).toHaveLength(1);
});
