import { runStage, type StageDependencies, type StageRequest } from './run-stage.js';

export const createMatesActivities = (dependencies: StageDependencies) => ({
  learnInfluence: (request: StageRequest<'mates'>) => runStage('mates', request, dependencies),
});
