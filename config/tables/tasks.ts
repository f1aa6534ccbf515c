/** Zero-shot tasks in the order of the method's authors' table, then others. What each is stands in lib/evaluation/tasks, which has one of every name. */
export const TASK_NAMES = ['sciq', 'arc_easy', 'arc_challenge', 'logiqa', 'openbookqa', 'boolq', 'hellaswag', 'piqa', 'winogrande', 'lambada_openai', 'wordnet'] as const;
export type TaskName = (typeof TASK_NAMES)[number];

/** Those whose items are made here: they need no file. */
export const OWN_ITEMS: readonly TaskName[] = ['wordnet'];
