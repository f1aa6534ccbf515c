import type { BilevelConfig } from '../../config/sections/bilevel.js';
import { canonicalJson } from '../artifacts/index.js';
import { createBilevelProgram } from './bilevel-program.js';
import { bilevelProgramSettings, type BilevelSpec } from './bilevel-spec.js';
import { createEvaluationProgram, type EvaluationSpec } from './evaluation-program.js';
import { createExcessLossProgram, type ExcessLossSpec } from './excess-loss-program.js';
import { createGradientProgram, type GradientSpec } from './gradient-program.js';
import { createProbingProgram, type ProbingSpec } from './probing-program.js';
import { createRegressionProgram, type RegressionSpec } from './regression-program.js';
import { createRepresentationProgram, type RepresentationSpec } from './representation-program.js';
import { createScoringProgram, type ScoringSpec } from './scoring-program.js';
import { createTrainingProgram, type TrainingSpec } from './training-program.js';
import type { BilevelProgram, CompiledProgram, EvaluationProgram, ExcessLossProgram, GradientProgram, ProbingProgram, RegressionProgram, RepresentationProgram, ScoringProgram, TrainingProgram } from './types.js';

export interface ProgramCacheOptions {
  /** programs kept; each holds its state and its compiled code. @default 8, what a run of two models and all its selectors goes through in a round */
  readonly limit?: number;
  /** of the variables of all programs together; those of the stage that runs stay whatever they have. @default 8 GiB: all of a run of small models, a stage's of large ones */
  readonly bytes?: number;
}

const MOST_BYTES = 8 * 2 ** 30;

/**
 * Programs by specification, built once a process and kept between stages: compiling takes longer than many a stage. Beyond either limit the
 * one that was used longest ago goes, with its variables. Whoever asks gets a program with anyone's state in it, and sets its own.
 */
export class ProgramCache {
  readonly #limit: number;
  readonly #bytes: number;
  /** least recently used first */
  readonly #programs = new Map<string, Promise<CompiledProgram>>();

  /** keys that the stage which runs has asked for */
  readonly #used = new Set<string>();

  constructor({ limit = 8, bytes = MOST_BYTES }: ProgramCacheOptions = {}) {
    this.#limit = limit;
    this.#bytes = bytes;
  }

  training(spec: TrainingSpec): Promise<TrainingProgram> {
    return this.#get('training', spec, createTrainingProgram);
  }

  /** @param spec.bilevel may be the whole section: what does not change the program does not count */
  bilevel(spec: Omit<BilevelSpec, 'bilevel'> & { readonly bilevel: BilevelConfig }): Promise<BilevelProgram> {
    return this.#get('bilevel', { ...spec, bilevel: bilevelProgramSettings(spec.bilevel) }, createBilevelProgram);
  }

  probing(spec: ProbingSpec): Promise<ProbingProgram> {
    return this.#get('probing', spec, createProbingProgram);
  }

  regression(spec: RegressionSpec): Promise<RegressionProgram> {
    return this.#get('regression', spec, createRegressionProgram);
  }

  scoring(spec: ScoringSpec): Promise<ScoringProgram> {
    return this.#get('scoring', spec, createScoringProgram);
  }

  evaluation(spec: EvaluationSpec): Promise<EvaluationProgram> {
    return this.#get('evaluation', spec, createEvaluationProgram);
  }

  excessLoss(spec: ExcessLossSpec): Promise<ExcessLossProgram> {
    return this.#get('excess-loss', spec, createExcessLossProgram);
  }

  representation(spec: RepresentationSpec): Promise<RepresentationProgram> {
    return this.#get('representation', spec, createRepresentationProgram);
  }

  gradient(spec: GradientSpec): Promise<GradientProgram> {
    return this.#get('gradient', spec, createGradientProgram);
  }

  /** Frees all of them. */
  async clear(): Promise<void> {
    const programs = [...this.#programs.values()];
    this.#programs.clear();
    for (const program of programs) (await program.catch(() => undefined))?.dispose();
  }

  /** None of the programs is in use any more: those beyond the bytes go, the ones used longest ago first. */
  async stageEnded(): Promise<void> {
    this.#used.clear();
    await this.#shrink();
  }

  async #shrink(): Promise<void> {
    for (const key of [...this.#programs.keys()]) {
      if ((await this.#held()) <= this.#bytes) return;
      if (!this.#used.has(key)) await this.#drop(key);
    }
  }

  async #drop(key: string): Promise<void> {
    const program = this.#programs.get(key);
    this.#programs.delete(key);
    (await program?.catch(() => undefined))?.dispose();
  }

  /** bytes of the variables of all of them; of one that could not be made, none */
  async #held(): Promise<number> {
    const programs = await Promise.all([...this.#programs.values()].map((program) => program.catch(() => undefined)));
    return programs.reduce((sum, program) => sum + (program?.bytes ?? 0), 0);
  }

  async #get<Spec, P extends CompiledProgram>(kind: string, spec: Spec, create: (spec: Spec) => Promise<P>): Promise<P> {
    const key = `${kind}|${canonicalJson(spec)}`;
    const known = this.#programs.get(key);
    this.#programs.delete(key);
    const program = known ?? create(spec);
    this.#programs.set(key, program);
    program.catch(() => this.#programs.delete(key)); // a failure is not kept
    this.#used.add(key);
    while (this.#programs.size > this.#limit) await this.#drop([...this.#programs.keys()][0]);
    await this.#shrink();
    return program as Promise<P>; // the kind is part of the key
  }
}
