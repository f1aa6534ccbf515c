import { runStage, type StageDependencies, type StageRequest } from './run-stage.js';

export const createPrepareActivities = (dependencies: StageDependencies) => ({
  prepareCorpus: (request: StageRequest<'prepare'>) => runStage('prepare', request, dependencies),
});
