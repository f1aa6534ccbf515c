import { runStage, type StageDependencies, type StageRequest } from './run-stage.js';

export const createReportActivities = (dependencies: StageDependencies) => ({
  writeReport: (request: StageRequest<'report'>) => runStage('report', request, dependencies),
});
