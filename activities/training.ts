import { runStage, type StageDependencies, type StageRequest } from './run-stage.js';

export const createTrainingActivities = (dependencies: StageDependencies) => ({
  train: (request: StageRequest<'training'>) => runStage('training', request, dependencies),
});
