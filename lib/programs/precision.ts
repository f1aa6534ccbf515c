import type { ProductType } from '../tensor/index.js';

/** `bf16-mixed`: weights, optimizer and everything but matrix products in float32, those in bfloat16.  @see method §5 */
export type Precision = 'float32' | 'bf16-mixed';

export const productsOf = (precision: Precision): ProductType => (precision === 'bf16-mixed' ? 'bfloat16' : 'float32');
