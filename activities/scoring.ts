import { runStage, type StageDependencies, type StageRequest } from './run-stage.js';

export const createScoringActivities = (dependencies: StageDependencies) => ({
  scoreShards: (request: StageRequest<'scoring'>) => runStage('scoring', request, dependencies),
});
