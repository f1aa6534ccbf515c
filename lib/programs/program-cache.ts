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
}

/**
 * Programs by specification, built once a process and kept between stages: compiling takes longer than many a stage. Beyond the limit the
 * one that was used longest ago goes. Whoever asks gets a program with anyone's state in it, and sets its own.
 */
export class ProgramCache {
  readonly #limit: number;
  /** least recently used first */
  readonly #programs = new Map<string, Promise<CompiledProgram>>();

  constructor({ limit = 8 }: ProgramCacheOptions = {}) {
    this.#limit = limit;
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

  async #get<Spec, P extends CompiledProgram>(kind: string, spec: Spec, create: (spec: Spec) => Promise<P>): Promise<P> {
    const key = `${kind}|${canonicalJson(spec)}`;
    const known = this.#programs.get(key);
    this.#programs.delete(key);
    const program = known ?? create(spec);
    this.#programs.set(key, program);
    program.catch(() => this.#programs.delete(key)); // a failure is not kept
    while (this.#programs.size > this.#limit) {
      const [[oldest, forgotten]] = this.#programs;
      this.#programs.delete(oldest);
      (await forgotten.catch(() => undefined))?.dispose();
    }
    return program as Promise<P>; // the kind is part of the key
  }
}
