import { codeOf } from '../../code-of.js';
import { BlissError } from '../../errors.js';

/** What keeps a file from being read that the user can fix; undefined for any other error. */
export function unreadable(where: string, error: unknown): BlissError | undefined {
  const code = codeOf(error) ?? '';
  if (!['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(code)) return undefined;
  return new BlissError({ code: 'DataInvalid', where, message: `cannot be read (${code})`, fix: 'check the path and its permissions', cause: error });
}
