/**
 * A machine's answer in which whatever has a `fix` has it under its former name `mend` too, for scripts of before it was renamed.
 *
 * @param value plain JSON
 */
export function bothNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bothNames);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, part]) => (name === 'fix' && typeof part === 'string' ? [[name, part], ['mend', part]] : [[name, bothNames(part)]]));
  return Object.fromEntries(entries);
}
