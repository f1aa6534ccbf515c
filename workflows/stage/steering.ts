import { ApplicationFailure, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Steering } from '../types.js';

/*
 * How people steer a run while it is on. Updates of the pipeline, so that whoever asks hears why not; signals between the
 * pipeline and its stages.
 */

/** Frees the devices: answered once every running stage has saved a checkpoint and let go. */
export const pauseUpdate = defineUpdate<Steering>('pause');
export const resumeUpdate = defineUpdate<Steering>('resume');
/** Pauses the run when its stages have held devices for so many hours; null: no such end. A run that paused for it goes on where it is raised. */
export const budgetUpdate = defineUpdate<Steering, [number | null]>('budget');
/** Ends the run after a round: its report is on the rounds until then. */
export const stopAfterUpdate = defineUpdate<Steering, [number]>('stopAfter');

/** From the pipeline to a stage. */
export const pauseStageSignal = defineSignal('pauseStage');
export const resumeStageSignal = defineSignal('resumeStage');
/** From a stage to its pipeline: nothing of it runs any more. */
export const stagePausedSignal = defineSignal<[string]>('stagePaused');

/** Why an update is not taken, and what helps; a validator's throw never enters the history. */
export const refused = (message: string, fix: string): ApplicationFailure => ApplicationFailure.create({ message, type: 'Usage', nonRetryable: true, details: [{ fix }] });
