import { positionRanges } from '../../lib/models/index.js';
import type { Found } from './folder.js';
import { asked, isSmallestOfVariant, modesOf, type Mode } from './modes.js';
import { recordedSteps, validationOf } from './recorded-program.js';
import type { Recording } from './recording.js';

/** How the step functions are run: a mode, and how many logits at once where not all. */
export interface Way {
  readonly mode: Mode;
  readonly logitsAtOnce?: number;
  /** for the test's name */
  readonly way: string;
}

/** Each of `modesOf`, and the smallest of each variant with its logits in parts too: eagerly, or in each mode that is asked for. */
export function waysOf(one: Found): readonly Way[] {
  const whole = modesOf(one).map((mode): Way => ({ mode, way: mode }));
  if (!isSmallestOfVariant(one)) return whole;
  const logitsAtOnce = inParts(one.recording);
  return [...whole, ...(asked ?? (['eager'] as const)).map((mode): Way => ({ mode, logitsAtOnce, way: `${mode}, ${logitsAtOnce} logits at once` }))];
}

/** The most logits at once that cut every batch of a recording into three parts or more, the last smaller than the others; a position's where none does. */
function inParts(recording: Recording): number {
  const { vocab } = recording.model;
  const batches = [...recording.trainBatches, ...recordedSteps(recording).map((step) => validationOf(recording, step).inputIds)].map((rows) => rows.length * rows[0].length);
  for (let positions = Math.max(...batches); positions > 0; positions--) {
    const parts = batches.map((size) => positionRanges({ positions: size, vocabularySize: vocab, most: positions * vocab }));
    if (parts.every((ranges) => ranges.length >= 3 && ranges[ranges.length - 1].size < ranges[0].size)) return positions * vocab;
  }
  return vocab;
}
