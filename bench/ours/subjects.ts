import type { Prepare } from '../protocol.js';
import type { Subject } from './subject.js';
import { trainingStepSubject, type TrainingStepSpec } from './training-step.js';

/** What our process can repeat, by name. */
export function openSubject({ subject, folder, spec }: Prepare): Promise<Subject> {
  switch (subject) {
    case 'training-step':
      return trainingStepSubject({ folder, spec: spec as TrainingStepSpec }); // the driver's own words
  }
}
