import { expect, test } from 'vitest';
import { loadConfig } from '../../../config/index.js';
import { datasetCard } from '../../../lib/stages/exports/dataset-card.js';
import { howSelected } from '../../../lib/stages/exports/how-selected.js';

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

test('only of an arm whose rows train what scores them does a card say that those were left out', () => {
  const kept = (selector: Parameters<typeof howSelected>[0], trainedRows: string): string | undefined => howSelected(selector, loadConfig({ source: 'smoke', overrides: ['bilevel.trainingFraction=0.5', `selection.trainedRows=${trainedRows}`], cwd: process.cwd() }).config.selection).kept;
  const LEFT_OUT = /, without those that trained what scores them$/;
  for (const selector of ['bliss', 'mates'] as const) {
    expect(kept(selector, 'exclude'), selector).toMatch(LEFT_OUT);
    expect(kept(selector, 'flag'), selector).not.toMatch(LEFT_OUT);
  }
  for (const selector of ['dsir', 'quality-classifier', 'perplexity-low', 'perplexity-middle'] as const) expect(kept(selector, 'exclude'), selector).not.toMatch(LEFT_OUT);
  expect(kept('random', 'exclude')).toBeUndefined();
});
