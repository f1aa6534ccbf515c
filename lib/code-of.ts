/** Code of a system's or a library's error, as ENOENT or Z_BUF_ERROR; undefined where it has none. */
export const codeOf = (error: unknown): string | undefined => (typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined);
