/** Where a field stands: `['data', 'sources', 0, 'paths']`. */
export type FieldPath = readonly (string | number)[];

/** One thing wrong with a configuration. */
export interface Problem {
  readonly path: FieldPath;
  /** what was found and what is allowed, without the path */
  readonly message: string;
  readonly fix?: string;
  /** other fields that take part: the line of the one that the user set last is shown */
  readonly related?: readonly FieldPath[];
}

/** `data.sources.0.paths`, the spelling that `--set` takes. */
export const fieldName = (path: FieldPath): string => path.join('.');

export function problemText({ path, message, fix }: Problem): string {
  return `${path.length === 0 ? '' : `${fieldName(path)}: `}${message}${fix === undefined ? '' : `; ${fix}`}`;
}

export const expected = (found: string, allowed: string): string => `found ${found}, allowed: ${allowed}`;
