import type { Bench } from '../bench.js';
import { durability } from './durability.js';
import { feeding } from './feeding.js';
import { memory } from './memory.js';
import { ops } from './ops.js';
import { outerStep } from './outer-step.js';
import { products } from './products.js';
import { profile } from './profile.js';
import { ranking } from './ranking.js';
import { scale } from './scale.js';
import { scoring } from './scoring.js';
import { startUp } from './start-up.js';
import { throughput } from './throughput.js';
import { tokenizing } from './tokenizing.js';
import { trainingStep } from './training-step.js';

export const benches: readonly Bench<unknown>[] = [trainingStep, outerStep, scoring, scale, feeding, durability, startUp, memory, throughput, tokenizing, profile, ops, products, ranking];
