import { runStage, type StageDependencies, type StageRequest } from './run-stage.js';

export const createImportingActivities = (dependencies: StageDependencies) => ({
  importWeights: (request: StageRequest<'importing'>) => runStage('importing', request, dependencies),
});
