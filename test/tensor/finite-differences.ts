/**
 * An independent reference for derivatives: central differences of plain float64 functions. With steps near 1e-4 and values near 1 the
 * error is below 1e-7, far under what float32 is asked for.
 */
export type Inputs = Readonly<Record<string, Float64Array>>;
export type Function64 = (inputs: Inputs) => number;

const shifted = (inputs: Inputs, direction: Inputs, step: number): Inputs =>
  Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, x.map((value, i) => value + step * direction[name][i])]));

const unit = (inputs: Inputs, at: string, index: number): Inputs =>
  Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, x.map((_, i) => (name === at && i === index ? 1 : 0))]));

const perElement = (inputs: Inputs, f: (direction: Inputs) => number): Inputs =>
  Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, x.map((_, i) => f(unit(inputs, name, i)))]));

/** ∇f */
export function gradient64(f: Function64, inputs: Inputs): Inputs {
  const h = 1e-5;
  return perElement(inputs, (e) => (f(shifted(inputs, e, h)) - f(shifted(inputs, e, -h))) / (2 * h));
}

/** ∇²f · v, from values of f alone: mixed differences along v and each unit vector */
export function hessianProduct64(f: Function64, inputs: Inputs, v: Inputs): Inputs {
  const h = 2e-4;
  const at = (e: Inputs, a: number, b: number): number => f(shifted(shifted(inputs, v, a * h), e, b * h));
  return perElement(inputs, (e) => (at(e, 1, 1) - at(e, 1, -1) - at(e, -1, 1) + at(e, -1, -1)) / (4 * h * h));
}

/** erf by its series: exact to float64 for |x| < 3 */
export function erf64(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
