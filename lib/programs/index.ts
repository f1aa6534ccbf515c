export { bilevelProgramSettings, createBilevelProgram, type BilevelProgramSettings, type BilevelSpec } from './bilevel-program.js';
export { createEvaluationProgram, type EvaluationSpec } from './evaluation-program.js';
export { createLogLikelihoodProgram, type LogLikelihoodSpec } from './log-likelihood-program.js';
export type { Precision } from './precision.js';
export { ProgramCache, type ProgramCacheOptions } from './program-cache.js';
export { createScoringProgram, type ScoringSpec } from './scoring-program.js';
export { createTrainingProgram, type TrainingSpec } from './training-program.js';
export type { BilevelProgram, CompiledProgram, EvaluationProgram, LogLikelihoodProgram, ScoringProgram, TrainingProgram } from './types.js';
