import { tf } from '../../lib/tensor/index.js';

/** Keeps every tensor of a result beyond the tidy that made it; numbers and functions are as they are. */
export function keepAll<T>(value: T): T {
  if (value instanceof tf.Tensor) tf.keep(value);
  else if (typeof value === 'object' && value !== null) Object.values(value).forEach(keepAll);
  return value;
}
