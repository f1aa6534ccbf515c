import { ProgramError } from './errors.js';
import { correctedGradients } from './gradients.js';
import { kernels } from './kernels.js';
import { placeOfWork } from './place.js';
import { tf } from './tf.js';

/**
 * How often each kernel can be differentiated. A kernel of the tracer's table twice or not at all; what else tfjs has, which only runs
 * eagerly, as it is in tfjs once and never twice. What is not there is refused by name: stock tfjs would say nothing and lose a term
 * of the second derivative where a gradient saves its output (tensorflow/tfjs#3252), or pass through a rounding as if it were not there.
 */

/** Stock gradients that are functions of inputs and dy, in ops that can be differentiated once more themselves. */
const fitStockGradients = [
  ...['Neg', 'Sign', 'Floor', 'Step', 'Log', 'Log1p', 'Square', 'Reciprocal', 'Sin', 'Cos', 'Softplus'],
  ...['Add', 'AddN', 'Sub', 'Multiply', 'RealDiv', 'Mod', 'Select', 'BatchMatMul', 'ArgMax'],
  ...['Identity', 'Reshape', 'ExpandDims', 'Transpose', 'Tile', 'Slice', 'PadV2', 'SplitV', 'Concat', 'Pack', 'Unpack'],
  ...['GatherV2', 'UnsortedSegmentSum', 'OneHot', 'Fill', 'ZerosLike', 'OnesLike', 'OptimizationBarrier'],
];

/** Every kernel that a second derivative may pass through; each has a case in test/tensor/derivatives.test.ts. */
export const twiceDifferentiable: ReadonlySet<string> = new Set([...correctedGradients, ...fitStockGradients]);

for (const { kernelName } of tf.getKernelsForBackend('tensorflow')) {
  if (twiceDifferentiable.has(kernelName)) continue;
  const stock = kernelName in kernels ? undefined : tf.getGradient(kernelName);
  if (tf.getGradient(kernelName)) tf.unregisterGradient(kernelName);
  tf.registerGradient({
    ...(stock ?? { kernelName }),
    gradFunc: (dy, saved, attrs) => {
      if (!stock) throw new ProgramError(placeOfWork(), `kernel ${kernelName} has no derivative; hide it by stopGradient where it is a constant`);
      // within another derivative's function a tape is on: what is returned here would be differentiated again
      if (tf.engine().state.gradientDepth > 0) {
        throw new ProgramError(placeOfWork(), `kernel ${kernelName} has no second derivative; use ops that have one, or give it a gradient in lib/tensor/gradients.ts and a test`);
      }
      return stock.gradFunc(dy, saved, attrs);
    },
  });
}
