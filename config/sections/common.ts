import { z } from 'zod';

/**
 * Every field says what it is by `description`, every number its `unit` too ('1': a pure number). Both travel
 * through zod's metadata into the JSON Schema, the documentation, `bliss init` and the errors.
 */
export const positiveInteger = z.number().int().min(1);
export const naturalNumber = z.number().int().min(0);
export const positive = z.number().positive();
export const nonNegative = z.number().min(0);
export const fraction = z.number().gt(0).max(1);

/** A pattern with its meaning in words; `patternErrorMessage` is the keyword that editors show. */
export const text = (pattern: RegExp, allowed: string) => z.string().regex(pattern, allowed).meta({ patternErrorMessage: allowed });

/** part of ids of workflows and folder names */
export const identifier = text(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'lower-case letters, digits, . _ -, at most 63, starting with a letter or digit');
