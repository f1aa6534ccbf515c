import { z } from 'zod';
import type { TaskName } from '../../../config/tables/tasks.js';
import { characters } from '../python-text.js';

/** What a model is asked: the log-likelihood of the continuation after the context. */
export interface Request {
  readonly context: string;
  readonly continuation: string;
}

/** The same for equal requests, another for any other. */
export const requestName = ({ context, continuation }: Request): string => `${context.length}:${context}${continuation}`;

/** One document as the harness asks for it. */
export interface Item {
  readonly requests: readonly Request[];
  /** what the harness calls the document's target */
  readonly target: number | string;
  /** of multiple choice; absent: the one continuation is right where it is the greedy one */
  readonly choice?: {
    /** index of the right one */
    readonly gold: number;
    /** characters of each choice without the leading space: what acc_norm divides by */
    readonly lengths: readonly number[];
  };
}

export type MetricName = 'acc' | 'acc_norm' | 'perplexity';
export const ACC: readonly MetricName[] = ['acc'];
export const ACC_AND_NORM: readonly MetricName[] = ['acc', 'acc_norm'];

/** A task, zero-shot: of lm-evaluation-harness, or in its way. */
export interface Task<Name extends TaskName = TaskName> {
  readonly name: Name;
  /** of the harness' definition */
  readonly version: number;
  /** where the hub has its documents */
  readonly dataset: string;
  readonly split: 'test' | 'validation';
  /** the harness' dataset_name where the data set has several tables, and the hub's names of the others */
  readonly table?: { readonly name: string; readonly others: readonly string[] };
  readonly kind: 'multiple_choice' | 'loglikelihood';
  readonly metrics: readonly MetricName[];
  /** the field that the data set's own distribution has in a file beside the documents, a line each: an integer */
  readonly labelField?: string;
  /** documents that need no file, in their order. @throws BlissError NotSetUp */
  readonly own?: () => Promise<readonly object[]>;
  /** the document as requests, or what is wrong with it */
  read(document: unknown): Item | DocumentProblem;
}

export interface DocumentProblem {
  /** `choices.text[1]` */
  readonly field: string;
  readonly problem: string;
}
export const isProblem = (read: Item | DocumentProblem): read is DocumentProblem => 'problem' in read;

interface TaskParts<Name extends TaskName, Document extends z.ZodType> extends Omit<Task<Name>, 'read'> {
  /** in the hub's columns; others may be there */
  readonly document: Document;
  /** which of them says what is right */
  readonly goldField: string;
  item(document: z.output<Document>): Item;
}

export function defineTask<Name extends TaskName, Document extends z.ZodType>({ document: schema, goldField, item, ...task }: TaskParts<Name, Document>): Task<Name> {
  return {
    ...task,
    read: (document) => {
      const parsed = schema.safeParse(document);
      if (!parsed.success) {
        const [{ path, message }] = parsed.error.issues;
        return { field: fieldOf(path), problem: message };
      }
      const made = item(parsed.data);
      const gold = made.choice?.gold;
      if (gold !== undefined && !(gold >= 0 && gold < made.requests.length)) return { field: goldField, problem: `names none of the ${made.requests.length} choices` };
      return made;
    },
  };
}

/** A choice is asked for as `" " + choice` after the one context. */
export const multipleChoice = ({ context, choices, gold }: { readonly context: string; readonly choices: readonly string[]; readonly gold: number }): Item => ({
  requests: choices.map((choice) => ({ context, continuation: ` ${choice}` })),
  target: gold,
  choice: { gold, lengths: choices.map(characters) },
});

/** Choices with names of their own, as ARC and OpenBookQA have them. */
export const namedChoices = z
  .object({ text: z.array(z.string()).min(1), label: z.array(z.string()) })
  .refine(({ text, label }) => text.length === label.length, { message: 'has other lengths of text and label' });

const fieldOf = (path: readonly PropertyKey[]): string =>
  path.length === 0 ? 'the document' : path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${String(part)}`)).join('');
