import { z } from 'zod';
import { stripStart } from '../python-text.js';
import { ACC_AND_NORM, defineTask, multipleChoice } from './task.js';

export const sciq = defineTask({
  name: 'sciq',
  version: 1,
  dataset: 'allenai/sciq',
  split: 'test',
  table: { name: 'default', others: [] },
  kind: 'multiple_choice',
  metrics: ACC_AND_NORM,
  document: z.object({ support: z.string(), question: z.string(), distractor1: z.string(), distractor2: z.string(), distractor3: z.string(), correct_answer: z.string() }),
  goldField: 'correct_answer',
  item: ({ support, question, distractor1, distractor2, distractor3, correct_answer }) =>
    multipleChoice({ context: `${stripStart(support)}\nQuestion: ${question}\nAnswer:`, choices: [distractor1, distractor2, distractor3, correct_answer], gold: 3 }),
});
