import os from 'node:os';
import path from 'node:path';

/** Where state lives. @see docs/design.md "State on disk" */
export interface Home {
  readonly root: string;
  readonly temporalDatabase: string;
  readonly store: string;
  readonly runs: string;
  readonly logs: string;
  /** addresses and process ids of the stack that is up, while it is */
  readonly stackFile: string;
  /** locked while a stack or `bliss gc` has the home; says who. It stays: a lock is on the file, not on its name */
  readonly lockFile: string;
  run(run: string): RunFolder;
}

/** What a person looks for of one run. */
export interface RunFolder {
  readonly root: string;
  /** resolved configuration */
  readonly config: string;
  /** RunRecord as JSON */
  readonly record: string;
  /** argument of the pipeline as JSON: what `bliss resume` starts again with */
  readonly input: string;
  /** how it ended, as JSON, once it has */
  readonly outcome: string;
  /** what the config determines, one JSON object a line, in canonical stage order */
  readonly metrics: string;
  /** what the clock does: one JSON object a line, appended as it happens */
  readonly timings: string;
  /** uris of lists of its finished stages, a line each: written by earlier versions, before the store held them */
  readonly keptStages: string;
  readonly report: string;
  readonly tensorboard: string;
  readonly history: string;
  /** progress of one stage, replaced atomically: StageProgressFile as JSON */
  progress(stage: string): string;
  /** log of one stage, plain lines, appended */
  log(stage: string): string;
  readonly progressFolder: string;
  readonly logFolder: string;
}

/** Stage paths hold `/`; file names do not. */
const fileName = (stage: string): string => stage.replaceAll('/', '.');

/** @param root default: BLISS_HOME, or `.bliss` in the working folder; an empty BLISS_HOME counts as none */
export function openHome(root: string = process.env['BLISS_HOME'] || '.bliss'): Home {
  const absolute = path.resolve(root);
  const under = (...parts: string[]): string => path.join(absolute, ...parts);
  return {
    root: absolute,
    temporalDatabase: under('temporal.db'),
    store: under('store'),
    runs: under('runs'),
    logs: under('logs'),
    stackFile: under('stack.json'),
    lockFile: under('stack.lock'),
    run: (run) => {
      const inRun = (...parts: string[]): string => under('runs', run, ...parts);
      return {
        root: inRun(),
        config: inRun('config.yaml'),
        record: inRun('run.json'),
        input: inRun('input.json'),
        outcome: inRun('outcome.json'),
        metrics: inRun('metrics.jsonl'),
        timings: inRun('timings.jsonl'),
        keptStages: inRun('kept-stages.txt'),
        report: inRun('report.html'),
        tensorboard: inRun('tensorboard'),
        history: inRun('history'),
        progressFolder: inRun('progress'),
        logFolder: inRun('logs'),
        progress: (stage) => inRun('progress', `${fileName(stage)}.json`),
        log: (stage) => inRun('logs', `${fileName(stage)}.log`),
      };
    },
  };
}

/** The user's cache that clones share: downloads, the built binding, XLA's cache. An empty variable counts as none. */
export function cacheFolder(): string {
  return path.resolve(process.env['BLISS_CACHE'] || ownCacheFolder());
}

/** This user's, whatever BLISS_CACHE says. */
export const ownCacheFolder = (): string => path.resolve(process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'bliss-pipeline');

/** `run.json`, written when a run is submitted. */
export interface RunRecord {
  readonly run: string;
  readonly workflowId: string;
  /** `local`: the home's own server, wherever it listens today */
  readonly server: 'local' | 'configured';
  readonly address: string;
  readonly namespace: string;
  readonly submittedAt: string;
  readonly configDigest: string;
  /** device-hours after which it pauses, as `bliss budget` set it last */
  readonly gpuHours?: number;
}

export type StageState = 'waiting' | 'running' | 'preempted' | 'done' | 'cached' | 'failed';

/** `progress/<stage>.json`: what `bliss status` shows of a stage. */
export interface StageProgressFile {
  /** `seed-0/bliss/round-1/scoring` */
  readonly stage: string;
  readonly state: StageState;
  /** of its fencing token; absent in files of earlier versions */
  readonly epoch?: number;
  readonly attempt: number;
  readonly step: number;
  readonly of: number;
  /** it may be over before `of`: then `etaSeconds` is the longest that it takes */
  readonly atMost?: boolean;
  /** `rows/s` or `tokens/s`, over the last seconds */
  readonly rate?: { readonly value: number; readonly unit: string };
  readonly metrics: Readonly<Record<string, number>>;
  /** how long this attempt's steps waited for data, of how long they have gone on; seconds */
  readonly dataWait?: { readonly seconds: number; readonly of: number };
  readonly etaSeconds?: number;
  /** what it is doing when no step counts: `compiling` */
  readonly phase?: string;
  /** what a reader of its result must know: `not bit-comparable from step 40 on: …` */
  readonly note?: string;
  /** how the attempt before this one ended */
  readonly before?: {
    readonly attempt: number;
    readonly code: string;
    readonly message: string;
    /** so many attempts in a row lost their workers, with no new step: above 1 something is amiss */
    readonly lost: number;
  };
  /** it holds a device while it runs; absent: not known, as of an earlier version */
  readonly device?: boolean;
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly error?: string;
}
