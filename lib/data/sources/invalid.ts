import { BlissError } from '../../errors.js';

/** What is wrong with the user's input. */
export const invalid = (where: string, message: string, mend: string, cause?: unknown): BlissError => new BlissError({ code: 'DataInvalid', where, message, mend, cause });
