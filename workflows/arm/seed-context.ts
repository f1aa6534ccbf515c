import type { Ref } from '../../lib/artifacts/types.js';
import type { StageRunner, Together } from '../board/index.js';
import type { PipelineInput } from '../types.js';

/** What all stages of one seed share. */
export interface SeedContext {
  readonly board: StageRunner;
  readonly together: Together;
  readonly input: PipelineInput;
  readonly seed: number;
}

export type Arm = PipelineInput['config']['comparison']['arms'][number];

/** artifacts that every arm starts from */
export interface ArmStart {
  readonly corpus: Ref;
  /** shards of each group, by the prepare stage's summary */
  readonly shards: readonly number[];
  readonly proxy: Ref;
  readonly target: Ref;
}
