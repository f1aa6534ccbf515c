import { expected, type FieldPath, type Problem } from './problem.js';
import type { ModelConfig } from './sections/models.js';

type ConfigOf<A extends ModelConfig['architecture']> = Extract<ModelConfig, { architecture: A }>;

/** What sizes a model cannot have. */
export function modelProblems(model: ModelConfig, at: FieldPath): Problem[] {
  const { width, heads } = model;
  if (width % heads !== 0) return [indivisible({ path: [...at, 'heads'], found: heads, of: width, name: 'width', related: [...at, 'width'] })];
  switch (model.architecture) {
    case 'gpt-neox':
      return gptNeoX(model, at);
    case 'llama':
      return llama(model, at);
  }
}

function gptNeoX({ width, heads, rotaryFraction }: ConfigOf<'gpt-neox'>, at: FieldPath): Problem[] {
  const headWidth = width / heads;
  const rotary = Math.floor(headWidth * rotaryFraction); // as Hugging Face rounds it
  if (rotary >= 2 && rotary % 2 === 0) return [];
  return [
    {
      path: [...at, 'rotaryFraction'],
      message: expected(`${rotaryFraction}, which rotates ${rotary} of a head's ${headWidth} channels`, 'a share that makes an even number ≥ 2'),
      related: [
        [...at, 'heads'],
        [...at, 'width'],
      ],
    },
  ];
}

function llama({ width, heads, keyValueHeads }: ConfigOf<'llama'>, at: FieldPath): Problem[] {
  const headWidth = width / heads;
  const problems: Problem[] = [];
  if (heads % keyValueHeads !== 0) problems.push(indivisible({ path: [...at, 'keyValueHeads'], found: keyValueHeads, of: heads, name: 'heads', related: [...at, 'heads'] }));
  if (headWidth % 2 !== 0) {
    problems.push({
      path: [...at, 'heads'],
      message: expected(`${heads}, which makes heads ${headWidth} wide`, 'heads of an even width, as the rotary embedding turns pairs'),
      related: [[...at, 'width']],
    });
  }
  return problems;
}

interface Indivisible {
  readonly path: FieldPath;
  readonly found: number;
  /** what it should divide */
  readonly of: number;
  readonly name: string;
  readonly related: FieldPath;
}

const indivisible = ({ path, found, of, name, related }: Indivisible): Problem => ({
  path,
  message: expected(`${found}`, `a divisor of ${name} ${of}`),
  fix: `write ${nearestDivisor(of, found)}`,
  related: [related],
});

function nearestDivisor(n: number, wanted: number): number {
  let best = 1;
  for (let d = 1; d <= n; d++) if (n % d === 0 && Math.abs(d - wanted) < Math.abs(best - wanted)) best = d;
  return best;
}
