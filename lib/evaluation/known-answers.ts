import { createHash } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Answer } from './task-metrics.js';
import type { Request } from './tasks/index.js';

/** raised when equal requests get other answers: a change in how they are encoded or computed */
const KIND = 'loglikelihood/1';

/** What a model has answered so far, so that an interrupted evaluation goes on and another task of the same documents is free. */
export interface KnownAnswers {
  get(request: Request): Answer | undefined;
  /** on the disk when it resolves */
  add(answers: readonly { readonly request: Request; readonly answer: Answer }[]): Promise<void>;
  close(): Promise<void>;
}

export interface OpenKnownAnswers {
  /** JSON lines, appended to; made with its folder where it is not there */
  readonly file: string;
  /** digest of all that an answer depends on beside the request: weights, configuration, tokenizer */
  readonly model: string;
  /** T */
  readonly maxLength: number;
}

const lineSchema = z.object({ key: z.string(), logLikelihood: z.number(), isGreedy: z.boolean() });

/** Two evaluations may append to one file: each line is written whole, and what they both answer is the same. */
export async function openKnownAnswers({ file, model, maxLength }: OpenKnownAnswers): Promise<KnownAnswers> {
  await mkdir(path.dirname(file), { recursive: true });
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const known = new Map<string, Answer>();
  for (const line of text.split('\n')) {
    const parsed = parse(line);
    if (parsed !== undefined) known.set(parsed.key, { logLikelihood: parsed.logLikelihood, isGreedy: parsed.isGreedy });
  }
  const keyOf = ({ context, continuation }: Request): string => createHash('sha256').update(JSON.stringify([KIND, model, maxLength, context, continuation])).digest('hex');
  const handle = await open(file, 'a');
  // a process that was killed in the middle of a line leaves it without its end
  let lead = text === '' || text.endsWith('\n') ? '' : '\n';
  return {
    get: (request) => known.get(keyOf(request)),
    add: async (answers) => {
      const lines = answers.map(({ request, answer }) => {
        const key = keyOf(request);
        known.set(key, answer);
        return `${JSON.stringify({ key, ...answer })}\n`;
      });
      await handle.appendFile(lead + lines.join(''));
      lead = '';
    },
    close: () => handle.close(),
  };
}

/** A line that was cut off counts as none. */
function parse(line: string): z.output<typeof lineSchema> | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
