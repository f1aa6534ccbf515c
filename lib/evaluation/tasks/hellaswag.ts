import { z } from 'zod';
import { capitalize, strip } from '../python-text.js';
import { ACC_AND_NORM, defineTask, multipleChoice } from './task.js';

/** Brackets are what is left of WikiHow's layout. */
const clean = (text: string): string =>
  strip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[[^\n]*?\]/g, '')
    .replaceAll('  ', ' ');

export const hellaswag = defineTask({
  name: 'hellaswag',
  version: 1,
  dataset: 'Rowan/hellaswag',
  split: 'validation',
  table: { name: 'default', others: [] },
  kind: 'multiple_choice',
  metrics: ACC_AND_NORM,
  document: z.object({
    activity_label: z.string(),
    ctx_a: z.string(),
    ctx_b: z.string(),
    endings: z.array(z.string()).min(1),
    label: z.union([z.number().int(), z.string().regex(/^\d+$/, 'is no number of an ending; the test split has no labels')]),
  }),
  goldField: 'label',
  item: ({ activity_label, ctx_a, ctx_b, endings, label }) =>
    multipleChoice({ context: clean(`${activity_label}: ${ctx_a} ${capitalize(ctx_b)}`), choices: endings.map(clean), gold: Number(label) }),
});
