import { z } from 'zod';
import { characters, strip } from '../python-text.js';
import { ACC, defineTask } from './task.js';

/** The gap is filled in either way: one continuation, what follows the gap, under two contexts. */
export const winogrande = defineTask({
  name: 'winogrande',
  version: 1,
  dataset: 'allenai/winogrande, winogrande_xl',
  split: 'validation',
  table: { name: 'winogrande_xl', others: ['winogrande_xs', 'winogrande_s', 'winogrande_m', 'winogrande_l', 'winogrande_debiased'] },
  kind: 'multiple_choice',
  metrics: ACC,
  document: z.object({
    sentence: z.string().refine((sentence) => sentence.includes('_'), { message: 'has no gap, _' }),
    option1: z.string(),
    option2: z.string(),
    answer: z.enum(['1', '2'], { error: 'is neither "1" nor "2"; the test split has no answers' }),
  }),
  goldField: 'answer',
  item: ({ sentence, option1, option2, answer }) => {
    const at = sentence.indexOf('_');
    const target = strip(sentence.slice(at + 1));
    const contexts = [option1, option2].map((option) => sentence.slice(0, at) + option);
    return { requests: contexts.map((context) => ({ context, continuation: ` ${target}` })), target, choice: { gold: Number(answer) - 1, lengths: contexts.map(characters) } };
  },
});
