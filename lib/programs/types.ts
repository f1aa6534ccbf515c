import type { NamedArrays, Shapes } from '../tensor/types.js';

/** Compiled step functions over state held by TensorFlow. Built once a process and kept between stages of equal specification. */
export interface CompiledProgram<Group extends string = never> {
  /** sha256 of the traced graph: part of the numerics fingerprint, recorded in checkpoints */
  readonly digest: string;
  /** of all state by variable name, in the order in which `getState` gives it: what a checkpoint of it holds */
  readonly shapes: Shapes;
  /** of all its variables in TensorFlow's memory, sums and copies of a step included */
  readonly bytes: number;
  /** all state, by variable name; missing names are an error, unknown ones too */
  setState(state: NamedArrays): void;
  /** copies; zeros before the first `setState` */
  getState(): NamedArrays;
  /** A state to begin with: groups of tensors by their own names, all else as before the first step. @throws ProgramError where a group is not whole */
  fresh(groups: Readonly<Record<Group, NamedArrays>>): NamedArrays;
  dispose(): void;
}

export interface TrainingProgram extends CompiledProgram<'params'> {
  /** state names: `params/<name>`, `adam.m/<name>`, `adam.u/<name>` */
  step(input: TrainingStepInput): TrainingStepFigures;
  /**
   * The same, and asks between its micro-batches whether to go on. A step that does not has changed nothing: its sums are begun anew by the next.
   * @returns undefined where it was let go
   */
  stepInParts(input: TrainingStepInput, goesOn: (partsDone: number) => Promise<boolean>): Promise<TrainingStepFigures | undefined>;
}

export interface TrainingStepInput {
  readonly ids: Int32Array;
  readonly learningRate: number;
  /** 1-based count of updates */
  readonly update: number;
}
export type TrainingStepFigures = Readonly<Record<'loss' | 'gradientNorm', number>>;

export interface BilevelProgram extends CompiledProgram<'proxy' | 'score' | 'target'> {
  /** state names: `proxy/…`, `proxy.adam.m/…`, `proxy.adam.u/…`, `score/…`, `score.adam.m/…`, `score.adam.u/…`, `target/…`, `z/…` of the outer step before; `normaliser/max`, `normaliser/sum` with a stale normaliser only */
  innerStep(input: { readonly ids: Int32Array; /** φ, float32 [n·K]; of a score model with features only */ readonly features?: Float32Array; readonly learningRate: number; readonly update: number; readonly first: boolean }): {
    readonly lowerLoss: number;
    readonly weightedCrossEntropy: number;
    readonly kl: number;
    readonly gradientNorm: number;
    readonly scores: Float32Array;
  };
  /** Logits of θ_s as it is; only of a program whose settings have `stopAt`. ids int32 [n·T], features float32 [n·K] → float32 [n] */
  rank(input: { readonly ids: Int32Array; readonly features?: Float32Array }): Float32Array;
  outerStep(input: {
    readonly validationIds: Int32Array;
    /** float32 [nVal·T]: 1 where the token at this position is a target */
    readonly validationMask: Float32Array;
    readonly ids: Int32Array;
    readonly features?: Float32Array;
    readonly learningRate: number;
    /** 1-based count of updates of the score model */
    readonly update: number;
    /** how many updates the proxy has had; read with `solver.preconditioner: adam` only */
    readonly proxyUpdates: number;
    readonly first: boolean;
  }): {
    readonly upperLoss: number;
    readonly scores: Float32Array;
    readonly alignment: Float32Array;
    readonly hypergradientNorm: number;
    readonly zNorm: number;
    /** cosine of z and the z of the outer step before, in [−1, 1]; 0 in the first */
    readonly zCosine: number;
    /** ‖v − (H + δI) z‖ of the last z whose residual the solver computed */
    readonly residualNorm: number;
    /** the same over ‖v‖ */
    readonly relativeResidual: number;
    /** 1 where the solver met pᵀAp ≤ 0 and stopped with its last good iterate, else 0 */
    readonly negativeCurvature: number;
  };
}

export interface ProbingProgram extends CompiledProgram<'params'> {
  /**
   * State names: `params/<name>`, `adam.m/<name>`, `adam.u/<name>`, which no call changes. Tries one step on one row: what it would make of the weights
   * is what `validate` is of from then on. ids int32 [T]
   */
  probe(input: { readonly ids: Int32Array; readonly learningRate: number; /** 1-based count of updates that the step would have */ readonly update: number }): {
    /** of the row, before the step, nats a token */
    readonly loss: number;
    readonly gradientNorm: number;
  };
  /** `validate` is of the state itself, until the next probe. */
  withdraw(): void;
  /** ids int32 [m·T], mask float32 [m·T], 1 where the token at this position counts → Σ of the counted tokens' losses, row by row, nats; [m] */
  validate(input: { readonly ids: Int32Array; readonly mask: Float32Array }): Float32Array;
}

export interface RegressionProgram extends CompiledProgram<'score'> {
  /** State names: `score/…`, `score.adam.m/…`, `score.adam.u/…`. ids int32 [n·T], targets float32 [n]; the loss is of before the step */
  fit(input: { readonly ids: Int32Array; readonly targets: Float32Array; readonly learningRate: number; /** 1-based count of updates */ readonly update: number }): {
    readonly loss: number;
    readonly gradientNorm: number;
  };
  /** ids int32 [n·T] → float32 [n] */
  predict(ids: Int32Array): Float32Array;
}

export interface ScoringProgram extends CompiledProgram {
  /** state names: those of the score model's checkpoint. ids int32 [n·T], features float32 [n·K] of a model that has them → logits before the sigmoid, float32 [n] */
  score(ids: Int32Array, features?: Float32Array): Float32Array;
}

export interface EvaluationProgram extends CompiledProgram {
  /** state names: those of the model's checkpoint. Per position t of each row, for the prediction of token t+1: negative log-likelihood in nats and whether argmax is right; both [n·(T−1)] */
  evaluate(ids: Int32Array): { readonly negativeLogLikelihood: Float32Array; readonly correct: Int32Array };
}

export interface ExcessLossProgram extends CompiledProgram<'prior' | 'conditional'> {
  /** State names: `prior/…`, `conditional/…`. ids int32 [n·T] → of each row the mean loss under the prior, and that minus the mean loss under the conditional model; nats a token, float32 [n] */
  score(ids: Int32Array): { readonly loss: Float32Array; readonly excess: Float32Array };
}

export interface RepresentationProgram extends CompiledProgram {
  /** State names: those of the model's checkpoint. Last hidden states of one position a row, brought to norm 1. ids int32 [n·T], positions [n] → float32 [n·d] */
  represent(input: { readonly ids: Int32Array; readonly positions: readonly number[] }): Float32Array;
}

export interface GradientProgram extends CompiledProgram<'params'> {
  /** State names: `params/…`, `reference/…`. Adds the gradient of a row's mean loss, brought to norm 1, to the reference. ids int32 [T], mask float32 [T], 1 where the token at this position counts. @returns its norm before */
  gather(input: { readonly ids: Int32Array; readonly mask: Float32Array }): number;
  /** @returns the inner product of such a unit gradient with the reference */
  compare(input: { readonly ids: Int32Array; readonly mask: Float32Array }): number;
}

export interface LogLikelihoodProgram extends CompiledProgram {
  /**
   * State names: those of the model's checkpoint. Of each pair: negative log-likelihood of `tokens[k]` in nats after position `at[k]`, which counts
   * through the rows (i·T + t), and whether it is the most likely one. A position may come more than once.
   * @param ids int32 [n·T] @param at int32 [m] @param tokens int32 [m] @returns both [m]
   */
  predict(input: { readonly ids: Int32Array; readonly at: Int32Array; readonly tokens: Int32Array }): { readonly negativeLogLikelihood: Float32Array; readonly correct: Int32Array };
}
