import { loadConfig } from '../config/index.js';
import { peekSession } from '../cli/session.js';
import { claimName, submitNew } from '../cli/submit/index.js';
import { openHome } from '../lib/home.js';
import { startLocalStack } from '../workers/local-stack.js';

/** A local stack of its own that takes runs, one after the other. */
export interface TemporalRuns {
  /** A whole run, all of it computed anew. @returns seconds from its submission to its result */
  run(run: { readonly source: string; readonly overrides: readonly string[] }): Promise<number>;
  close(): Promise<void>;
}

/** Starts server and workers in a home; resolves when they are up. */
export async function openTemporalRuns(folder: string): Promise<TemporalRuns> {
  const home = openHome(folder);
  const stack = await startLocalStack({ home, temporary: false, onEvent: () => undefined });
  const session = await peekSession({ home });
  if (session === undefined) {
    await stack.stop();
    throw new Error('the stack that was started does not answer');
  }
  return {
    run: async ({ source, overrides }) => {
      const loaded = loadConfig({ source, overrides: [...overrides], cwd: folder });
      const run = claimName({ home, asked: undefined, base: 'bench' });
      const started = performance.now();
      await submitNew({ session, home, run, loaded, fresh: true });
      await session.client.workflow.getHandle(run).result();
      return (performance.now() - started) / 1000;
    },
    close: async () => {
      await session.connection.close();
      await stack.stop();
    },
  };
}
