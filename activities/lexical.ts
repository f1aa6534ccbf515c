import { runStage, type StageDependencies, type StageRequest } from './run-stage.js';

export const createLexicalActivities = (dependencies: StageDependencies) => ({
  weighNgrams: (request: StageRequest<'lexical'>) => runStage('lexical', request, dependencies),
});
