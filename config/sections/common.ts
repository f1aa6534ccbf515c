import { z } from 'zod';

export const positiveInteger = z.number().int().min(1);
export const fraction = z.number().gt(0).max(1);
export const nonNegative = z.number().min(0);
/** part of ids of workflows and folder names */
export const identifier = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'lower-case letters, digits, . _ -, at most 63, starting with a letter or digit');
