import { z } from 'zod';
import { ACC_AND_NORM, defineTask, multipleChoice } from './task.js';

export const piqa = defineTask({
  name: 'piqa',
  version: 1,
  dataset: 'baber/piqa',
  split: 'validation',
  table: { name: 'plain_text', others: [] },
  kind: 'multiple_choice',
  metrics: ACC_AND_NORM,
  labelField: 'label',
  document: z.object({ goal: z.string(), sol1: z.string(), sol2: z.string(), label: z.number().int() }),
  goldField: 'label',
  item: ({ goal, sol1, sol2, label }) => multipleChoice({ context: `Question: ${goal}\nAnswer:`, choices: [sol1, sol2], gold: label }),
});
