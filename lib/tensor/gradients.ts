import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { ProgramError } from './errors.js';
import { placeOfWork } from './place.js';
import { stopGradient } from './stop-gradient.js';
import { tf } from './tf.js';

/**
 * Gradients of tfjs ops, registered anew on import so that they can be differentiated again.
 *
 * Stock tfjs saves the *output* of exp, sigmoid, tanh and softmax for the backward pass. A saved output is
 * off the tape, so a second derivative silently loses a term (tensorflow/tfjs#3252). Here the *inputs* are saved and the
 * output is recomputed, which costs nothing when traced: the same node is found in the function's memo.
 * `tf.logSoftmax` and `tf.losses.softmaxCrossEntropy` cannot be corrected from outside, they hold such a gradient within them: use
 * `logSoftmax` and `crossEntropy` of ops.ts.
 * Masks (maximum, minimum, clip, max, min, abs, relu) are constants almost everywhere and are detached; stock tfjs
 * throws for some of them at the second derivative, since comparisons have no gradient.
 */
type Backward = (dy: Tensor, inputs: readonly Tensor[], attrs: Readonly<Record<string, unknown>>) => Record<string, () => Tensor>;

const corrected = new Set<string>();
/** the kernels whose gradients are registered here */
export const correctedGradients: ReadonlySet<string> = corrected;

function register(kernelName: string, inputsToSave: string[], backward: Backward): void {
  corrected.add(kernelName);
  if (tf.getGradient(kernelName)) tf.unregisterGradient(kernelName);
  tf.registerGradient({
    kernelName,
    inputsToSave,
    gradFunc: (dy, saved, attrs) => {
      if (Array.isArray(dy)) throw new TypeError(`${kernelName} has one output`);
      return backward(dy, saved, attrs);
    },
  });
}

const unary = (kernelName: string, derivative: (x: Tensor) => Tensor): void =>
  register(kernelName, ['x'], (dy, [x]) => ({ x: () => tf.mul(dy, derivative(x)) }));

unary('Exp', (x) => tf.exp(x));
unary('Expm1', (x) => tf.exp(x));
unary('Sigmoid', (x) => {
  const y = tf.sigmoid(x);
  return tf.mul(y, tf.sub(1, y));
});
unary('Tanh', (x) => tf.sub(1, tf.square(tf.tanh(x))));
unary('Sqrt', (x) => tf.div(0.5, tf.sqrt(x)));
// stock: pow(x, 1.5), slower and less exact
unary('Rsqrt', (x) => {
  const y = tf.rsqrt(x);
  return tf.mul(-0.5, tf.mul(y, tf.square(y)));
});
// stock has the square inside Erf's saved scope; written out so that exp is surely ours
unary('Erf', (x) => tf.mul(2 / Math.sqrt(Math.PI), tf.exp(tf.neg(tf.square(x)))));
unary('Abs', (x) => stopGradient(tf.sign(x)));
unary('Relu', (x) => stopGradient(tf.cast(tf.greater(x, 0), 'float32')));

register('ClipByValue', ['x'], (dy, [x], attrs) => ({
  x: () => {
    const { clipValueMin, clipValueMax } = attrs as { readonly clipValueMin: number; readonly clipValueMax: number };
    const inside = tf.logicalAnd(tf.greaterEqual(x, clipValueMin), tf.lessEqual(x, clipValueMax));
    return tf.mul(dy, stopGradient(tf.cast(inside, 'float32')));
  },
}));

// stock passes a gradient through a rounding to integers as if it were not there
register('Cast', [], (dy, _, { dtype }) => ({
  x: () => {
    if (dtype !== 'float32') throw new ProgramError(placeOfWork(), `kernel Cast to ${String(dtype)} has no derivative; hide it by stopGradient where it is a constant`);
    return dy.clone();
  },
}));

register('Softmax', ['logits'], (dy, [logits]) => ({
  logits: () => {
    const y = tf.softmax(logits);
    const weighted = tf.mul(dy, y);
    return tf.sub(weighted, tf.mul(y, tf.sum(weighted, -1, true)));
  },
}));

/** dy summed over the axes that broadcasting added or stretched, in the shape of the operand */
function unbroadcast(dy: Tensor, shape: number[]): Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, dy.shape);
  return tf.reshape(axes.length > 0 ? tf.sum(dy, axes) : dy, shape);
}

/**
 * Stock Sum and Mean multiply by `ones(shape)`, an array made in JavaScript: gigabytes for the logits of a large vocabulary. OnesLike
 * is an op, a scalar broadcast once traced.
 */
function registerAverage(kernelName: string, divisor: (count: number) => number): void {
  register(kernelName, ['x'], (dy, [x], { axis }) => {
    const axes = tf.util.parseAxisParam(axis as number | number[], x.shape);
    const count = axes.reduce((product, i) => product * x.shape[i], 1);
    const kept = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
    return { x: () => tf.mul(tf.reshape(divisor(count) === 1 ? dy : tf.div(dy, divisor(count)), kept), stopGradient(tf.onesLike(x))) };
  });
}
registerAverage('Sum', () => 1);
registerAverage('Mean', (count) => count);

/** Of two equal operands the first takes the gradient. */
function registerExtremum(kernelName: string, firstWins: (a: Tensor, b: Tensor) => Tensor): void {
  register(kernelName, ['a', 'b'], (dy, [a, b]) => {
    const mask = (): Tensor => stopGradient(tf.cast(firstWins(a, b), 'float32'));
    return {
      a: () => unbroadcast(tf.mul(dy, mask()), a.shape),
      b: () => unbroadcast(tf.mul(dy, tf.sub(1, mask())), b.shape),
    };
  });
}
registerExtremum('Maximum', (a, b) => tf.greaterEqual(a, b));
registerExtremum('Minimum', (a, b) => tf.lessEqual(a, b));

/** Equal extremes of a reduction share the gradient evenly. */
function registerReducedExtremum(kernelName: string, reduce: (x: Tensor, axes: number[]) => Tensor): void {
  // tfjs calls the axes of Max `reductionIndices` and those of Min `axis`
  register(kernelName, ['x'], (dy, [x], { axis, reductionIndices = axis }) => {
    const axes = tf.util.parseAxisParam(reductionIndices as number | number[], x.shape);
    const kept = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
    return {
      x: () => {
        const mask = stopGradient(tf.cast(tf.equal(x, reduce(x, axes)), 'float32'));
        return tf.mul(tf.reshape(dy, kept), tf.div(mask, tf.sum(mask, axes, true)));
      },
    };
  });
}
registerReducedExtremum('Max', (x, axes) => tf.max(x, axes, true));
registerReducedExtremum('Min', (x, axes) => tf.min(x, axes, true));

// d/db a^b reuses the saved output in stock tfjs; here both derivatives are of inputs
register('Pow', ['a', 'b'], (dy, [a, b]) => ({
  a: () => unbroadcast(tf.mul(dy, tf.mul(b, tf.pow(a, tf.sub(b, 1)))), a.shape),
  b: () => {
    const positive = stopGradient(tf.cast(tf.greater(a, 0), 'float32'));
    // log of 1 where the base is not positive, so that neither derivative is NaN there
    const safe = tf.add(tf.mul(a, positive), tf.sub(1, positive));
    return unbroadcast(tf.mul(dy, tf.mul(tf.mul(tf.pow(a, b), tf.log(safe)), positive)), b.shape);
  },
}));

// stock tfjs does not sum over what broadcasting stretched
register('SquaredDifference', ['a', 'b'], (dy, [a, b]) => ({
  a: () => unbroadcast(tf.mul(dy, tf.mul(2, tf.sub(a, b))), a.shape),
  b: () => unbroadcast(tf.mul(dy, tf.mul(2, tf.sub(b, a))), b.shape),
}));
