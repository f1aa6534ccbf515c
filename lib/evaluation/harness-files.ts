import { sha256 } from '../artifacts/index.js';
import type { TaskOutcome } from './evaluate-tasks.js';
import type { TaskItem } from './items.js';
import type { Answer } from './task-metrics.js';

/** What the harness' results say of a run beside its figures. */
export interface EvaluationFacts {
  /** as the user named it */
  readonly model: string;
  /** sha256 over weights, configuration and tokenizer */
  readonly modelDigest: string;
  readonly parameters: number;
  /** T */
  readonly maxLength: number;
  readonly batchSize: number;
  readonly limit: number | null;
  readonly bootstrapSamples: number;
  /** of this program */
  readonly version: string;
  readonly began: Date;
  readonly ended: Date;
}

/** `results_<time>.json` in the form of lm-evaluation-harness, for what reads it: fields that have no meaning here are left out. */
export function harnessResults(outcomes: readonly TaskOutcome[], facts: EvaluationFacts): Record<string, unknown> {
  const byTask = <T>(of: (outcome: TaskOutcome) => T): Record<string, T> => Object.fromEntries(outcomes.map((outcome) => [outcome.task.name, of(outcome)]));
  const seconds = (date: Date): number => date.getTime() / 1000;
  return {
    results: byTask(({ task, items, metrics }) => ({
      alias: task.name,
      sample_len: items.items.length,
      ...Object.fromEntries(metrics.flatMap(({ name, value, standardError }) => [[`${name},none`, value], [`${name}_stderr,none`, standardError ?? 'N/A']])),
    })),
    group_subtasks: byTask(() => []),
    configs: byTask(({ task }) => ({
      task: task.name,
      dataset: task.dataset,
      [`${task.split}_split`]: task.split,
      output_type: task.kind,
      num_fewshot: 0,
      metric_list: task.metrics.map((metric) => ({ metric, aggregation: metric === 'perplexity' ? 'perplexity' : 'mean', higher_is_better: metric !== 'perplexity' })),
      metadata: { version: task.version },
    })),
    versions: byTask(({ task }) => task.version),
    'n-shot': byTask(() => 0),
    higher_is_better: byTask(({ metrics }) => Object.fromEntries(metrics.map(({ name, higherIsBetter }) => [name, higherIsBetter]))),
    'n-samples': byTask(({ items }) => ({ original: items.documents, effective: items.items.length })),
    config: {
      model: 'bliss',
      model_args: `pretrained=${facts.model}`,
      model_num_parameters: facts.parameters,
      model_dtype: 'float32',
      model_sha: facts.modelDigest,
      batch_size: facts.batchSize,
      limit: facts.limit,
      bootstrap_iters: facts.bootstrapSamples,
    },
    git_hash: facts.version,
    date: seconds(facts.began),
    max_length: facts.maxLength,
    // not the harness': requests that do not fit max_length as a whole, or not even with their continuation
    cut_requests: byTask(({ cut }) => cut),
    task_hashes: byTask((outcome) => sha256(outcome.items.items.map((item) => Object.values(hashes(item)).join('')).join(''))),
    model_source: 'bliss',
    model_name: facts.model,
    model_name_sanitized: sanitized(facts.model),
    start_time: seconds(facts.began),
    end_time: seconds(facts.ended),
    total_evaluation_time_seconds: String(seconds(facts.ended) - seconds(facts.began)),
  };
}

/** `samples_<task>_<time>.jsonl`: an item a line with what was asked and answered. */
export function harnessSamples({ task, items, answers, itemMetrics }: TaskOutcome): string[] {
  return items.items.map((item, i) => {
    const own = answers[i].map(asPython);
    return JSON.stringify({
      doc_id: i,
      doc: item.document,
      target: String(item.target),
      arguments: Object.fromEntries(item.requests.map(({ context, continuation }, k) => [`gen_args_${k}`, { arg_0: context, arg_1: continuation }])),
      resps: own.map((answer) => [answer]),
      filtered_resps: own,
      filter: 'none',
      metrics: task.metrics,
      ...hashes(item),
      ...itemMetrics[i],
    });
  });
}

/** The harness writes answers as Python prints them. */
const asPython = ({ logLikelihood, isGreedy }: Answer): [string, string] => [String(logLikelihood), isGreedy ? 'True' : 'False'];

const hashes = ({ document, requests: [{ context }], target }: TaskItem) => ({ doc_hash: sha256(JSON.stringify(document, null, 2)), prompt_hash: sha256(context), target_hash: sha256(String(target)) });

/** A model's name as that of a folder. */
export const sanitized = (model: string): string => model.replace(/["<>:/|\\?*[\]]+/g, '__');

/** A time in the names of files, without what Windows refuses. */
export const fileTime = (date: Date): string => date.toISOString().replaceAll(':', '-').replace('Z', '');
