import { runStage, type StageDependencies, type StageRequest } from './run-stage.js';

export const createBilevelActivities = (dependencies: StageDependencies) => ({
  learnScores: (request: StageRequest<'bilevel'>) => runStage('bilevel', request, dependencies),
});
