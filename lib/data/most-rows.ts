/** Rows of the largest part, at least 1. Of any number of parts: spread as arguments, some 120,000 overflow the stack. */
export const mostRows = (parts: readonly { readonly rows: number }[]): number => parts.reduce((most, { rows }) => Math.max(most, rows), 1);
