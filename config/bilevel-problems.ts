import { expected } from './problem.js';
import type { Problem } from './problem.js';
import type { BilevelConfig } from './sections/bilevel.js';

/** What fields of the section ask of each other; what computes a step asks it too, as a stage's input comes from anywhere. */
export function bilevelProblems({ weights, temperature = 1, normaliser, solver }: Pick<BilevelConfig, 'weights' | 'temperature' | 'normaliser' | 'solver'>): Problem[] {
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
  return problems;
}
