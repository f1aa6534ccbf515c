import type { Bench } from '../bench.js';
import { trainingStep } from './training-step.js';

export const benches: readonly Bench<unknown>[] = [trainingStep];
