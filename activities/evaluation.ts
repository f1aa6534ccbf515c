import { runStage, type StageDependencies, type StageRequest } from './run-stage.js';

export const createEvaluationActivities = (dependencies: StageDependencies) => ({
  evaluate: (request: StageRequest<'evaluation'>) => runStage('evaluation', request, dependencies),
});
