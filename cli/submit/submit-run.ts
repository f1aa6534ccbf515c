import type { LoadedConfig } from '../../config/index.js';
import type { Home } from '../../lib/home.js';
import { inBackground } from './background.js';
import type { CommandContext } from '../command.js';
import type { Taken } from '../fork/index.js';
import type { ExitCode } from '../output.js';
import { preemptionOf } from './preemption.js';
import { checkRunName, readRecord } from '../runs.js';
import { claimName, nameTaken, submitNew } from './submit.js';
import { takeThrough } from './take-through.js';

export interface SubmitRun {
  readonly context: CommandContext;
  readonly loaded: LoadedConfig;
  /** what it takes over from another run */
  readonly taken?: Taken;
  readonly name?: string;
  readonly detach?: boolean;
  readonly fresh?: boolean;
}

/** Said before anything is looked up for it. @throws BlissError Usage */
export function checkFreeName(home: Home, name: string | undefined): void {
  if (name !== undefined && readRecord(home, checkRunName(name)) !== undefined) throw nameTaken(name, home.runs);
}

/** Submits a new run and takes it through to its end, or leaves it to the background: `run` and `fork`. */
export async function submitRun({ context: { home, output, homeOption }, loaded, taken, name, detach = false, fresh = false }: SubmitRun): Promise<ExitCode> {
  for (const note of loaded.notes) output.note(`note: ${note}`);
  const claim = (): string => claimName({ home, asked: name, base: loaded.config.name });
  const of = { loaded, fresh, ...(taken === undefined ? {} : { taken }) };
  if (detach) return inBackground({ home, output, homeOption, prepare: { claim, ...of } });
  return takeThrough({
    home,
    output,
    homeOption,
    preemption: preemptionOf(loaded),
    start: async (session) => {
      const run = claim();
      await submitNew({ session, home, run, ...of });
      return run;
    },
  });
}
