import { expected } from './problem.js';
import type { Problem } from './problem.js';
import { selectorRow } from './tables/selectors.js';
import type { BilevelConfig } from './sections/bilevel.js';

/** What fields of the section ask of each other; what computes a step asks it too, as a stage's input comes from anywhere. */
export function bilevelProblems({ weights, temperature = 1, normaliser, solver, outerSteps = Infinity, laterOuterSteps, warmUpFraction, schedule = 'cosine', stopAt, score }: Pick<BilevelConfig, 'weights' | 'temperature' | 'normaliser' | 'solver'> & Partial<Pick<BilevelConfig, 'outerSteps' | 'laterOuterSteps' | 'warmUpFraction' | 'schedule' | 'stopAt'>> & { readonly score?: Partial<Pick<BilevelConfig['score'], 'inherit' | 'features' | 'featureScale' | 'backbone'>> }): Problem[] {
  const problems: Problem[] = [];
  if (weights === 'logits' && normaliser === 'stale') {
    problems.push({
      path: ['bilevel', 'normaliser'],
      message: expected('"stale" with bilevel.weights "logits"', '"fresh", as logits have no bound: exp(f − m) with the maximum m of the outer step before overflows'),
      fix: 'write bilevel.normaliser: fresh',
      related: [['bilevel', 'weights']],
    });
  }
  if (weights !== 'logits' && temperature !== 1) {
    problems.push({
      path: ['bilevel', 'temperature'],
      message: expected(`${temperature} with bilevel.weights "${weights}"`, 'a temperature of weights of logits, or 1'),
      fix: 'write bilevel.weights: logits, or bilevel.temperature: 1',
      related: [['bilevel', 'weights']],
    });
  }
  if (solver.preconditioner === 'adam' && solver.method !== 'identity') {
    problems.push({
      path: ['bilevel', 'solver', 'preconditioner'],
      message: expected(`"adam" with bilevel.solver.method "${solver.method}"`, '"adam" with method "identity" only: of the others the method has no derivation under it'),
      fix: 'write bilevel.solver.method: identity, or preconditioner: none',
      related: [['bilevel', 'solver', 'method']],
    });
  }
  if (solver.epsilon !== undefined && solver.preconditioner !== 'adam') {
    problems.push({
      path: ['bilevel', 'solver', 'epsilon'],
      message: expected(`${solver.epsilon} without bilevel.solver.preconditioner "adam"`, 'an ε of that preconditioner only, as nothing else reads it'),
      fix: 'write preconditioner: adam with method: identity, or leave epsilon out',
      related: [['bilevel', 'solver', 'preconditioner']],
    });
  }
  if (laterOuterSteps !== undefined && score?.inherit === false) {
    problems.push({
      path: ['bilevel', 'laterOuterSteps'],
      message: expected(`${laterOuterSteps} with bilevel.score.inherit false`, 'the same steps in every round, as each begins with a fresh score model'),
      fix: 'leave laterOuterSteps out, or write bilevel.score.inherit: true',
      related: [['bilevel', 'score', 'inherit']],
    });
  }
  if (stopAt !== undefined && stopAt.rankCorrelation < 1 && schedule !== 'wsd') {
    problems.push({
      path: ['bilevel', 'stopAt', 'rankCorrelation'],
      message: expected(`${stopAt.rankCorrelation} with bilevel.schedule "${schedule}"`, '1, which only measures, or schedule "wsd": a cosine that is ended early ends at a high rate'),
      fix: 'write bilevel.schedule: wsd',
      related: [['bilevel', 'schedule']],
    });
  }
  const shortest = Math.min(outerSteps, laterOuterSteps ?? Infinity);
  if (schedule === 'wsd' && warmUpFraction !== undefined) {
    const steps = Math.round(warmUpFraction * shortest);
    if (steps < 1 || 2 * steps > shortest) {
      problems.push({
        path: ['bilevel', 'warmUpFraction'],
        message: expected(`${warmUpFraction}, ${steps} of ${shortest} outer steps`, 'at least one step and at most half of them with bilevel.schedule "wsd", whose rates fall over as many steps as they warm up'),
        related: [['bilevel', 'schedule'], ['bilevel', laterOuterSteps === shortest ? 'laterOuterSteps' : 'outerSteps']],
      });
    } else if (stopAt !== undefined && stopAt.rankCorrelation < 1) {
      const { every } = stopAt;
      // the first comparison that begins after the warm-up, and the next one
      const soonest = every * (Math.ceil(steps / every) + 2);
      if (soonest + steps >= shortest) {
        problems.push({
          path: ['bilevel', 'stopAt', 'every'],
          message: expected(String(every), `a distance at which ${shortest} outer steps can end by themselves: two comparisons after ${steps} steps of warm-up, and ${steps} steps of fall, are ${soonest + steps} steps`),
          fix: 'lower it, or leave stopAt out',
          related: [['bilevel', laterOuterSteps === shortest ? 'laterOuterSteps' : 'outerSteps']],
        });
      }
    }
  }
  if (stopAt !== undefined && 2 * stopAt.every > shortest) {
    problems.push({
      path: ['bilevel', 'stopAt', 'every'],
      message: expected(String(stopAt.every), `at most ${Math.floor(shortest / 2)}, half of the outer steps of a round: two rankings are compared`),
      related: [['bilevel', 'outerSteps']],
    });
  }
  const { features, featureScale, backbone } = score ?? {};
  for (const [field, value] of [['featureScale', featureScale], ['backbone', backbone === false ? backbone : undefined]] as const) {
    if (features !== undefined || value === undefined) continue;
    problems.push({
      path: ['bilevel', 'score', field],
      message: expected(`${value} without bilevel.score.features`, field === 'backbone' ? 'true: a score model of neither tokens nor features scores nothing' : 'no such factor, as nothing else reads it'),
      fix: `name features, or leave ${field} out`,
      related: [['bilevel', 'score', 'features']],
    });
  }
  const stages = (features ?? []).map((name) => selectorRow(name).stage ?? name);
  const repeated = stages.findIndex((stage, i) => stages.indexOf(stage) !== i);
  if (features !== undefined && repeated >= 0) {
    const before = features[stages.indexOf(stages[repeated])];
    problems.push({
      path: ['bilevel', 'score', 'features', repeated],
      message: before === features[repeated] ? expected(`"${before}" twice`, 'each feature once') : expected(`"${features[repeated]}" beside "${before}"`, 'one of the two: both are learnt in the same stage'),
    });
  }
  return problems;
}
