import { BlissError } from '../errors.js';

/** h, channels a head. @throws BlissError ConfigInvalid where heads do not divide the width */
export function headWidthOf({ width, heads }: { readonly width: number; readonly heads: number }): number {
  if (width % heads !== 0) {
    throw new BlissError({ code: 'ConfigInvalid', message: `a width of ${width} does not divide into ${heads} heads`, fix: 'choose heads that divide width' });
  }
  return width / heads;
}
