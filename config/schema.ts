import { crossFieldProblems } from './checks.js';
import { runFields } from './fields.js';
import { problemText } from './problem.js';

export { runFields, type RunConfig } from './fields.js';

/** A run, whole: everything that decides its result. What parses is consistent across fields too. @see method §5 */
export const runSchema = runFields.superRefine((config, context) => {
  for (const problem of crossFieldProblems(config)) {
    context.addIssue({ code: 'custom', path: [...problem.path], message: problemText(problem), params: { problem } });
  }
});
