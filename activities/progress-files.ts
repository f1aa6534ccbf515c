import { appendFile, mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { compareTokens, writeFileAtomic } from '../lib/artifacts/index.js';
import type { Home, StageProgressFile, StageState } from '../lib/home.js';
import { printable } from '../lib/printable.js';
import type { StageProgress } from '../lib/stages/types.js';
import type { Timing } from '../lib/timings.js';

/** What `bliss status` and `bliss logs` read: one progress file and one log a stage, and the run's timings. */
export interface ProgressFiles {
  stage(key: { readonly run: string; readonly stage: string; readonly epoch: number; readonly attempt: number; /** it holds a device while it runs */ readonly device: boolean }): StageFiles;
}

export interface StageFiles {
  /** @param before how the attempt before this one ended */
  started(before?: StageProgressFile['before']): Promise<void>;
  progress(progress: StageProgress): void;
  phase(phase: string): void;
  log(line: string): void;
  /** something a reader of the stage's result must know */
  note(text: string): void;
  ended(state: Extract<StageState, 'done' | 'cached' | 'failed' | 'preempted' | 'waiting'>, end: { readonly error?: string; /** uri of what the stage made */ readonly artifact?: string }): Promise<void>;
}

/** progress files are read by people: once a second is enough */
const WRITE_EVERY_MS = 1_000;
/** a line of the log every so often while a stage makes progress */
const LOG_EVERY_MS = 10_000;

/** What a progress file says; undefined where there is none, or none that can be read: it is for people, and no stage is to fail for it. */
export async function lastSigns(file: string): Promise<StageProgressFile | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as StageProgressFile; // written whole, by us
  } catch {
    return undefined;
  }
}

/** A line that a kill cut off takes no other with it. */
async function appendLine(file: string, line: string): Promise<void> {
  const handle = await open(file, 'a+');
  try {
    const { size } = await handle.stat();
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    await handle.appendFile(`${size === 0 || buffer[0] === 0x0a ? '' : '\n'}${line}\n`);
  } finally {
    await handle.close();
  }
}

/** from its beginning to its last sign of life */
export const secondsOf = ({ startedAt, updatedAt }: StageProgressFile): number => (Date.parse(updatedAt) - Date.parse(startedAt)) / 1000;

export function progressFiles(home: Home): ProgressFiles {
  return {
    stage: ({ run, stage, epoch, attempt, device }) => {
      const folder = home.run(run);
      const started = new Date();
      let state: StageProgressFile = {
        stage,
        state: 'running',
        epoch,
        attempt,
        step: 0,
        of: 0,
        metrics: {},
        device,
        startedAt: started.toISOString(),
        updatedAt: started.toISOString(),
      };
      let writtenAt = 0;
      let loggedAt = performance.now();
      let first: { readonly at: number; readonly amount: number; readonly step: number } | undefined;
      // one chain, so that an older state never lands on a newer one
      let writing: Promise<void> = Promise.resolve();

      const isLater = (other: StageProgressFile): boolean => compareTokens({ epoch: other.epoch ?? 0, attempt: other.attempt }, { epoch, attempt }) > 0;
      /** An attempt whose worker stood still or was cut off may not know that it was given up: the stage's files are its successor's by then. */
      const overtaken = async (): Promise<boolean> => {
        const there = await lastSigns(folder.progress(stage));
        return there !== undefined && isLater(there);
      };
      const write = ({ first: takesOver = false }: { readonly first?: boolean } = {}): Promise<void> => {
        writtenAt = performance.now();
        const text = JSON.stringify({ ...state, updatedAt: new Date().toISOString() });
        writing = writing.then(async () => (!takesOver && (await overtaken()) ? undefined : writeFileAtomic(folder.progress(stage), text))).catch(complain);
        return writing;
      };
      const log = (line: string): void => {
        const stamped = `${new Date().toISOString()} attempt ${attempt}: ${printable(line)}\n`; // people read it as it is
        writing = writing.then(() => appendFile(folder.log(stage), stamped)).catch(complain);
      };
      // the run's result does not hang on what people read: a full disk shows in the stage itself
      const complain = (error: unknown): void => {
        process.stderr.write(`${printable(`progress of ${run}/${stage} not written: ${String(error)}`)}\n`);
      };

      /** An attempt whose worker was killed has told nobody how long it went on; its progress file says so until the next one's stands there. */
      const accountForLost = async (): Promise<void> => {
        const before = await lastSigns(folder.progress(stage));
        if (before?.state === 'running' && !isLater(before)) await record({ ...before, ended: 'lost', seconds: secondsOf(before) });
      };
      const record = async ({ ended, seconds, artifact, ...of }: Pick<StageProgressFile, 'attempt' | 'startedAt' | 'step' | 'rate' | 'dataWait'> & { readonly ended: string; readonly seconds: number; readonly artifact?: string | undefined }): Promise<void> => {
        const line: Timing = { stage, attempt: of.attempt, state: ended, startedAt: of.startedAt, seconds, device, step: of.step, ...(artifact === undefined ? {} : { artifact }), ...(of.rate === undefined ? {} : { rate: of.rate }), ...(of.dataWait === undefined ? {} : { dataWait: of.dataWait }) };
        await mkdir(path.dirname(folder.timings), { recursive: true });
        await appendLine(folder.timings, JSON.stringify(line)).catch(complain);
      };

      return {
        started: async (before) => {
          if (before !== undefined) state = { ...state, before };
          await mkdir(folder.progressFolder, { recursive: true });
          await mkdir(folder.logFolder, { recursive: true });
          await accountForLost();
          log('started');
          if (before !== undefined) log(`attempt ${before.attempt} ended: ${before.code}: ${before.message}${before.lost > 1 ? `; ${before.lost} in a row were lost` : ''}`);
          await write({ first: true });
        },
        progress: ({ step, of, atMost, amount, metrics, dataWait }) => {
          const now = performance.now();
          const done = amount?.value ?? step;
          first ??= { at: now, amount: done, step };
          const seconds = (now - first.at) / 1000;
          const stepsPerSecond = seconds > 0 ? (step - first.step) / seconds : 0;
          const { phase: _over, atMost: _before, ...rest } = state;
          state = {
            ...rest,
            step,
            of,
            ...(atMost === true ? { atMost } : {}),
            metrics: metrics ?? {},
            ...(dataWait === undefined ? {} : { dataWait }),
            ...(amount !== undefined && seconds > 0 ? { rate: { value: (done - first.amount) / seconds, unit: `${amount.unit}/s` } } : {}),
            ...(stepsPerSecond > 0 ? { etaSeconds: (of - step) / stepsPerSecond } : {}),
          };
          if (now - writtenAt > WRITE_EVERY_MS) void write();
          if (now - loggedAt > LOG_EVERY_MS) {
            loggedAt = now;
            log(`step ${step}/${of} ${Object.entries(metrics ?? {}).map(([name, value]) => `${name} ${value.toPrecision(5)}`).join(' ')}`);
          }
        },
        phase: (phase) => {
          state = { ...state, phase };
          log(phase);
          void write();
        },
        log,
        note: (text) => {
          state = { ...state, note: text };
          log(text);
          void write();
        },
        ended: async (ended, { error, artifact }) => {
          const { phase: _over, etaSeconds: _eta, ...rest } = state;
          state = { ...rest, state: ended, ...(error === undefined ? {} : { error }) };
          log(error === undefined ? ended : `${ended}: ${error}`);
          // the line first: killed between the two, the next attempt writes one too, and of two of one attempt the first counts
          if (!(await overtaken())) await record({ ...state, ended, seconds: (Date.now() - started.getTime()) / 1000, artifact });
          await write();
        },
      };
    },
  };
}
