import type { z } from 'zod';

/** so much of it goes into a failure */
const MOST_ISSUES = 5;

/**
 * Why an input is not one of its schema; undefined where it is. Fields that the schema does not know are passed over: an earlier or a later version
 * may have written them, and nobody reads them. Input is only held against its schema, never changed by it: stages' keys are made of it as it is.
 */
export function inputFault(schema: z.ZodType, input: unknown): string | undefined {
  const issues = (schema.safeParse(input).error?.issues ?? []).filter(counts);
  if (issues.length === 0) return undefined;
  return issues.slice(0, MOST_ISSUES).map(({ path, message }) => `${path.length === 0 ? '' : `${path.map(String).join('.')}: `}${message}`).join('; ');
}

function counts(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'unrecognized_keys') return false;
  return issue.code !== 'invalid_union' || issue.errors.length === 0 || issue.errors.every((branch) => branch.some(counts));
}
