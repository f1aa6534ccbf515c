import type { z } from 'zod';
import { activityInputSchemas } from '../config/inputs/activities.js';
import { inputFault } from '../config/inputs/input-fault.js';
import { BlissError } from '../lib/errors.js';

/** An activity that takes only what its schema does; each is handed on as it came, as stages' keys are made of it. */
export function parsed<Input, Output>({ name, schema, activity }: { readonly name: string; readonly schema: z.ZodType; readonly activity: (input: Input) => Promise<Output> }): (input: Input) => Promise<Output> {
  return async (input) => {
    const fault = inputFault(schema, input);
    if (fault === undefined) return activity(input);
    throw new BlissError({ code: 'Usage', message: `${name} was asked for what no run asks for: ${fault}`, fix: 'start runs by `bliss run`' });
  };
}

type AnyActivity = (input: never) => Promise<unknown>;
/** activities that have a schema */
export type KnownActivities = Record<keyof typeof activityInputSchemas, AnyActivity>;
/** what an activity takes, by its schema */
export type KnownInput<Name extends keyof KnownActivities> = z.output<(typeof activityInputSchemas)[Name]>;
export type OnlyKnown<Activities> = { readonly [Name in Exclude<keyof Activities, keyof KnownActivities>]: never };

/** Activities by name, each behind its schema: one without a schema cannot be registered. */
export function parsedInputs<Activities extends Partial<KnownActivities>>(activities: Activities & OnlyKnown<Activities>): Activities {
  const wrapped = Object.entries<AnyActivity>(activities as Record<string, AnyActivity>).map(([name, activity]) => [name, parsed({ name, schema: activityInputSchemas[name as keyof typeof activityInputSchemas], activity })]); // names are those of the type
  return Object.fromEntries(wrapped) as Activities; // the same functions, each behind its schema
}
