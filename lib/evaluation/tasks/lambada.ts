import { z } from 'zod';
import { defineTask } from './task.js';

/** The last word of a passage, whole and by the greedy choice. */
export const lambadaOpenai = defineTask({
  name: 'lambada_openai',
  version: 1,
  dataset: 'EleutherAI/lambada_openai',
  split: 'test',
  table: { name: 'default', others: ['de', 'en', 'es', 'fr', 'it'] },
  kind: 'loglikelihood',
  metrics: ['perplexity', 'acc'],
  document: z.object({ text: z.string().refine((text) => text.includes(' '), { message: 'is one word: there is nothing before it' }) }),
  goldField: 'text',
  item: ({ text }) => {
    const at = text.lastIndexOf(' ');
    const continuation = text.slice(at);
    return { requests: [{ context: text.slice(0, at), continuation }], target: continuation };
  },
});
