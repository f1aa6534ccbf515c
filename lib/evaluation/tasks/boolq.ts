import { z } from 'zod';
import { ACC, defineTask, multipleChoice } from './task.js';

export const boolq = defineTask({
  name: 'boolq',
  version: 2,
  dataset: 'aps/super_glue, boolq',
  split: 'validation',
  table: { name: 'boolq', others: ['axb', 'axg', 'cb', 'copa', 'multirc', 'record', 'rte', 'wic', 'wsc', 'wsc.fixed'] },
  kind: 'multiple_choice',
  metrics: ACC,
  document: z.object({ passage: z.string(), question: z.string(), label: z.number().int() }),
  goldField: 'label',
  item: ({ passage, question, label }) => multipleChoice({ context: `${passage}\nQuestion: ${question}?\nAnswer:`, choices: ['no', 'yes'], gold: label }),
});
