import { BlissError } from '../../errors.js';

/** What is wrong with the user's input. */
export const invalid = (where: string, message: string, fix: string, cause?: unknown): BlissError => new BlissError({ code: 'DataInvalid', where, message, fix, cause });
