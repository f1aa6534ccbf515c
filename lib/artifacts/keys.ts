import { BlissError } from '../errors.js';

/** S3 ends at 1,024 bytes; a file name ends at 255, less what a temporary's suffix needs. */
const MAX_KEY_LENGTH = 1024;
const MAX_SEGMENT_LENGTH = 200;
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.=+@-]*$/;

/** Keys every backend can hold: no leading dot (temporaries have one), no `..`, no empty segment, no byte beyond ASCII. */
export function checkKey(key: string): void {
  const bad = key.split('/').find((segment) => segment.length > MAX_SEGMENT_LENGTH || !SEGMENT.test(segment));
  if (bad === undefined && key.length <= MAX_KEY_LENGTH) return;
  throw new BlissError({
    code: 'DataInvalid',
    message: bad === undefined ? `a key of ${key.length} bytes, the most is ${MAX_KEY_LENGTH}` : `${JSON.stringify(bad.slice(0, 80))} cannot be part of a key`,
    where: `key ${JSON.stringify(key.slice(0, 200))}`,
    fix: `use names of letters, digits and _ . = + @ - that start with a letter, digit or _, at most ${MAX_SEGMENT_LENGTH} long`,
  });
}
