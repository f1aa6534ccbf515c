import { runStage, type StageDependencies, type StageRequest } from './run-stage.js';

export const createSelectionActivities = (dependencies: StageDependencies) => ({
  selectRows: (request: StageRequest<'selection'>) => runStage('selection', request, dependencies),
});
