import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { heldOutSchema, sourceSchema } from '../../config/sections/data.js';
import { randomStream } from '../../lib/random.js';
import { call, config, prepared, root } from './small-home.js';

const letters = Array.from('的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经');

function chinese(key: string): string {
  const random = randomStream('prepare', key);
  const some = (): string => Array.from({ length: 6 + random.below(12) }, () => letters[random.below(letters.length)]).join('');
  return Array.from({ length: 30 }, () => `${some()}${'，。！？'[random.below(4)]}`).join('');
}

test('held-out passages of text without blanks are there, and the stage says what their last word is', async () => {
  const write = (name: string, count: number): void => writeFileSync(path.join(root, name), Array.from({ length: count }, (_, i) => `${JSON.stringify({ text: chinese(`${name}${i}`) })}\n`).join(''));
  write('zh.jsonl', 60);
  write('zh-held.jsonl', 30);
  const notes: string[] = [];
  const heldOut = heldOutSchema.parse({ source: { type: 'files', paths: ['zh-held.jsonl'] }, validation: 8, tuning: 8, test: 8 });
  const data = { ...config.data, sources: [sourceSchema.parse({ type: 'files', name: 'zh', paths: ['zh.jsonl'] })] };
  const { summary } = await call('prepare', { data, tokenizer: config.tokenizer, heldOut, vocabularySize: config.models.vocabularySize, groups: 3, seed: '0', configFolder: root }, { onNote: (note) => void notes.push(note) });
  expect(notes).toEqual(['24 of 24 held-out passages are of text without blanks: their last word is their last token; bilevel.validationLoss: all-tokens counts all of them']);
  expect(summary['note']).toBe(notes[0]); // a run that finds the corpus says it too, and so does the report
});

test('nothing is said of text with blanks', async () => {
  expect((await prepared()).summary).not.toHaveProperty('note');
});
