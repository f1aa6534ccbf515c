import { z } from 'zod';
import { stripStart } from '../python-text.js';
import { ACC_AND_NORM, defineTask, multipleChoice, namedChoices } from './task.js';

export const openbookqa = defineTask({
  name: 'openbookqa',
  version: 1,
  dataset: 'allenai/openbookqa, main',
  split: 'test',
  table: { name: 'main', others: ['additional'] },
  kind: 'multiple_choice',
  metrics: ACC_AND_NORM,
  document: z.object({ question_stem: z.string(), choices: namedChoices, answerKey: z.string() }),
  goldField: 'answerKey',
  item: ({ question_stem, choices, answerKey }) => multipleChoice({ context: question_stem, choices: choices.text, gold: choices.label.indexOf(stripStart(answerKey)) }),
});
