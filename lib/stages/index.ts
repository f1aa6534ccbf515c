import { evaluation } from './evaluation/index.js';
import { importing } from './importing.js';
import { LEARNING } from './learning.js';
import { prepare } from './prepare.js';
import { report } from './report/index.js';
import { scoring } from './scoring/index.js';
import { selection } from './selection/index.js';
import { training } from './training.js';
import type { Stage, StageName } from './types.js';

const stages: { readonly [Name in StageName]: Stage<Name> } = { ...LEARNING, prepare, selection, importing, training, scoring, evaluation, report };

export const stageByName = <Name extends StageName>(name: Name): Stage<Name> => stages[name];
export { executeStage, stageKey, type ExecuteStage, type StageHooks, type StageTask } from './execution/execute.js';
export type * from './types.js';
