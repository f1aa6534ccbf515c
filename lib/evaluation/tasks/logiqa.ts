import { z } from 'zod';
import { strip } from '../python-text.js';
import { ACC_AND_NORM, defineTask, multipleChoice } from './task.js';

const LETTERS = ['a', 'b', 'c', 'd'];

export const logiqa = defineTask({
  name: 'logiqa',
  version: 1,
  dataset: 'EleutherAI/logiqa',
  split: 'test',
  table: { name: 'logiqa', others: [] },
  kind: 'multiple_choice',
  metrics: ACC_AND_NORM,
  document: z.object({ context: z.string(), question: z.string(), options: z.array(z.string()).min(1).max(LETTERS.length), label: z.string() }),
  goldField: 'label',
  item: ({ context, question, options, label }) => {
    const choices = options.map((option, i) => `${LETTERS[i].toUpperCase()}. ${option}\n`).join('');
    return multipleChoice({ context: `Passage: ${context}\nQuestion: ${question}\nChoices:\n${choices}Answer:`, choices: options, gold: LETTERS.indexOf(strip(label)) });
  },
});
