import { readFile } from 'node:fs/promises';
import { requestName, type Answer, type KnownAnswers, type Request } from '../../evaluation/index.js';
import { numericsFingerprint } from '../../tensor/index.js';
import type { StageContext } from '../types.js';

/** seconds of work between two checkpoints: what a kill costs at most, about */
const SAVE_EVERY_SECONDS = 60;
const FILE = 'answers.json';

/** `answers.json` of an evaluation's checkpoint. */
interface AnswersFile {
  /** digest of the numerics fingerprint they were computed under */
  readonly numerics: string;
  readonly answers: readonly (readonly [context: string, continuation: string, logLikelihood: number, isGreedy: boolean])[];
}

export interface StageAnswers extends Pick<KnownAnswers, 'get' | 'add'> {
  /** a checkpoint, where one is due or the stage is asked to stop */
  save(step: number): Promise<void>;
}

/** What an evaluation has been answered so far, kept in its checkpoints. Under another numerics fingerprint it begins again: nobody compares figures of which half come from another machine. */
export async function stageAnswers({ context, programDigest }: { readonly context: StageContext; readonly programDigest: string }): Promise<StageAnswers> {
  const numerics = numericsFingerprint({ programDigest }).digest;
  const answers = new Map<string, AnswersFile['answers'][number]>();
  if (context.resume !== undefined) {
    const before = JSON.parse(await readFile(await context.resume.artifact.file(FILE), 'utf8')) as AnswersFile; // saved below
    if (before.numerics === numerics) for (const one of before.answers) answers.set(requestName({ context: one[0], continuation: one[1] }), one);
    else context.event('begins again', 'the answers of the checkpoint were computed under another numerics fingerprint');
  }
  let saved = { size: answers.size, at: performance.now() };
  return {
    get: (request) => {
      const one = answers.get(requestName(request));
      return one === undefined ? undefined : { logLikelihood: one[2], isGreedy: one[3] };
    },
    add: async (given: readonly { readonly request: Request; readonly answer: Answer }[]) => {
      for (const { request, answer } of given) answers.set(requestName(request), [request.context, request.continuation, answer.logLikelihood, answer.isGreedy]);
    },
    save: async (step) => {
      const due = performance.now() - saved.at > SAVE_EVERY_SECONDS * 1000 || context.stopReason() !== undefined;
      if (!due || answers.size === saved.size) return;
      saved = { size: answers.size, at: performance.now() };
      const file: AnswersFile = { numerics, answers: [...answers.values()] };
      await context.checkpoint({ step, files: () => ({ [FILE]: JSON.stringify(file) }) });
    },
  };
}
