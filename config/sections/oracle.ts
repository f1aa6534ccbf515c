import { z } from 'zod';

/** Which rows an arm of selector oracle wants. @see docs/method.md §9 */
export const oracleSchema = z.strictObject({
  sources: z.array(z.string().min(1)).min(1).describe('names of the wanted sources, as rows carry them in `source`: their rows are kept before all others'),
});
export type OracleConfig = z.infer<typeof oracleSchema>;
