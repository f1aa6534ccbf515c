import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { openHome, type Home, type StageProgressFile } from '../../lib/home.js';
import type { FinishedStage } from '../../lib/stages/types.js';
import { place, start, until, type Started } from '../cli/bliss.js';

/** Runs that are interrupted on one kind of worker and gone on with on another: real stacks, workers and trainers. */
export const SHORT = ['warmUp.steps=5', 'pretraining.steps=5', 'pretraining.decay.steps=2', 'runtime.compiler=graph', 'comparison.arms=[{name: bliss, selector: bliss}]'].flatMap((setting) => ['--set', setting]);
export const BILEVEL = 'seed-0/bliss/round-1/bilevel';
export const THREADS = os.availableParallelism();
/** a machine with other cores, as far as TensorFlow can tell */
export const OTHER_MACHINE = { TF_NUM_INTRAOP_THREADS: String(THREADS + 1) };

export const exited = (one: Started): void => {
  if (one.child.exitCode !== null) throw new Error(one.text());
};

export interface NumericsHome {
  readonly root: string;
  readonly home: Home;
  bilevel(run: string): StageProgressFile | undefined;
  finished(run: string): FinishedStage | undefined;
  /** Ctrl-C in the bilevel stage: it saves a checkpoint. @returns its step */
  interrupted(run: string, settings: readonly string[]): Promise<number>;
}

export function numericsHome(): NumericsHome {
  const { home: root } = place();
  const home = openHome(root);
  const bilevel = (run: string): StageProgressFile | undefined => readJson<StageProgressFile>(home.run(run).progress(BILEVEL));
  return {
    root,
    home,
    bilevel,
    finished: (run) => readJson<readonly FinishedStage[]>(path.join(home.run(run).root, 'stages.json'))?.find(({ stage }) => stage === BILEVEL),
    interrupted: async (run, settings) => {
      const started = start(['run', 'smoke', '--name', run, '--home', root, ...SHORT, ...settings.flatMap((setting) => ['--set', setting])]);
      await until('a step of the bilevel stage', () => (exited(started), (bilevel(run)?.step ?? 0) >= 1 ? true : undefined), 60_000);
      started.child.kill('SIGINT');
      expect((await started.ended).code).toBe(130);
      const [, step] = /checkpoint at step (\d+)(?![^]*checkpoint at step)/.exec(readFileSync(home.run(run).log(BILEVEL), 'utf8')) ?? [];
      return Number(step);
    },
  };
}
