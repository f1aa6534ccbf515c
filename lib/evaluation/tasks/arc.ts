import { z } from 'zod';
import type { TaskName } from '../../../config/tables/tasks.js';
import { ACC_AND_NORM, defineTask, multipleChoice, namedChoices, type Task } from './task.js';

const arc = <Name extends TaskName>(name: Name, part: string, other: string): Task<Name> =>
  defineTask({
    name,
    version: 1,
    dataset: `allenai/ai2_arc, ${part}`,
    split: 'test',
    table: { name: part, others: [other] },
    kind: 'multiple_choice',
    metrics: ACC_AND_NORM,
    document: z.object({ question: z.string(), choices: namedChoices, answerKey: z.string() }),
    goldField: 'answerKey',
    item: ({ question, choices, answerKey }) => multipleChoice({ context: `Question: ${question}\nAnswer:`, choices: choices.text, gold: choices.label.indexOf(answerKey) }),
  });

export const arcEasy = arc('arc_easy', 'ARC-Easy', 'ARC-Challenge');
export const arcChallenge = arc('arc_challenge', 'ARC-Challenge', 'ARC-Easy');
