import type { Tokenizer } from '../data/tokenizer/index.js';
import { encodeRequest } from './encode-request.js';
import type { TaskItems } from './items.js';
import type { KnownAnswers } from './known-answers.js';
import { logLikelihoods, type LogLikelihoods } from './log-likelihoods.js';
import { itemMetrics, taskMetrics, type Answer, type ItemMetrics, type TaskMetric } from './task-metrics.js';
import { requestName, type Request, type Task } from './tasks/index.js';

export interface EvaluateTasks extends Pick<LogLikelihoods, 'vocabularySize' | 'maxLength' | 'batchSize' | 'open'> {
  readonly tasks: readonly { readonly task: Task; readonly items: TaskItems }[];
  readonly tokenizer: Pick<Tokenizer, 'encode' | 'endOfText'>;
  /** of before, and what is answered now is added to them */
  readonly known?: Pick<KnownAnswers, 'get' | 'add'>;
  /** requests that are answered, those of before included */
  onProgress?(done: number, of: number): Promise<void>;
  /** @default the harness' number */
  readonly bootstrapSamples?: number;
}

export interface TaskOutcome {
  readonly task: Task;
  readonly items: TaskItems;
  /** by item, one a request */
  readonly answers: readonly (readonly Answer[])[];
  readonly itemMetrics: readonly ItemMetrics[];
  readonly metrics: readonly TaskMetric[];
  /** requests that do not fit T whole, and those of which not even the continuation does */
  readonly cut: { readonly requests: number; readonly continuations: number };
}

/** All tasks with the same few programs; each comes out as it does alone. Equal requests of a task are asked once, so that equal choices tie. */
export async function evaluateTasks({ tasks, tokenizer, maxLength, known, onProgress, bootstrapSamples, ...how }: EvaluateTasks): Promise<TaskOutcome[]> {
  const distinct = tasks.map(({ items }) => new Map(items.items.flatMap(({ requests }) => requests).map((request) => [requestName(request), request])));
  const asked = distinct.flatMap((requests, group) =>
    [...requests].map(([name, request]) => ({ ...encodeRequest({ request, tokenizer, maxLength }), group, name, request, known: known?.get(request) })),
  );
  let done = asked.filter((one) => one.known !== undefined).length;
  await onProgress?.(done, asked.length);
  const given = await logLikelihoods({
    ...how,
    maxLength,
    requests: asked,
    onBatch: async (answered) => {
      await known?.add(answered.map(({ index, answer }) => ({ request: asked[index].request, answer })));
      done += answered.length;
      await onProgress?.(done, asked.length);
    },
  });
  return tasks.map(({ task, items }, group) => {
    const own = new Map(asked.flatMap((one, i) => (one.group === group ? [[one.name, { ...one, answer: given[i] }] as const] : [])));
    const of = (request: Request) => {
      const one = own.get(requestName(request));
      if (one === undefined) throw new RangeError('a request was not asked');
      return one;
    };
    const each = items.items.map(({ requests }) => requests.map(of));
    const answers = each.map((requests) => requests.map(({ answer }) => answer));
    const metrics = items.items.map((item, i) => itemMetrics(task, item, answers[i]));
    return {
      task,
      items,
      answers,
      itemMetrics: metrics,
      metrics: taskMetrics(task, metrics, bootstrapSamples),
      cut: { requests: each.flat().filter(({ isCut }) => isCut).length, continuations: each.flat().filter(({ isContinuationCut }) => isContinuationCut).length },
    };
  });
}
