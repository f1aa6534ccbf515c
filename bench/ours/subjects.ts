import type { Prepare } from '../protocol.js';
import { checkpointingSubject, type CheckpointingSpec } from './checkpointing.js';
import { feedingSubject, type FeedingSpec } from './feeding.js';
import { outerStepSubject, type OuterStepSpec } from './outer-step.js';
import { productSubject, type ProductSpec } from './product.js';
import { scaleSelectionSubject, type ScaleSelectionSpec } from './scale-selection.js';
import { scaleStageSubject, type ScaleStageSpec } from './scale-stage.js';
import { scoringSubject, type ScoringSubjectSpec } from './scoring.js';
import type { Subject } from './subject.js';
import { trainingStepSubject, type TrainingStepSpec } from './training-step.js';
import { wholeRunSubject, type WholeRunSpec } from './whole-run.js';

/** What our process can repeat, by name. The specifications are the driver's own words, of the same build. */
export function openSubject({ subject, folder, spec }: Prepare): Promise<Subject> {
  switch (subject) {
    case 'training-step':
      return trainingStepSubject({ folder, spec: spec as TrainingStepSpec });
    case 'outer-step':
      return outerStepSubject({ folder, spec: spec as OuterStepSpec });
    case 'scoring':
      return scoringSubject({ folder, spec: spec as ScoringSubjectSpec });
    case 'product':
      return productSubject({ folder, spec: spec as ProductSpec });
    case 'feeding':
      return feedingSubject({ folder, spec: spec as FeedingSpec });
    case 'scale-stage':
      return scaleStageSubject({ folder, spec: spec as ScaleStageSpec });
    case 'scale-selection':
      return scaleSelectionSubject({ folder, spec: spec as ScaleSelectionSpec });
    case 'checkpointing':
      return checkpointingSubject({ folder, spec: spec as CheckpointingSpec });
    case 'whole-run':
      return wholeRunSubject({ folder, spec: spec as WholeRunSpec });
  }
}
