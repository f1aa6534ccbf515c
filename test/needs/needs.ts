import type { TestContext } from 'vitest';

/** What `.ci/install` or the repository brings, by what it is: a test that misses one of these after it has met a fault. */
const INSTALLED = ['chromium', 'jq', 'shellcheck', 'util-linux', 'iproute2', 'python', 'gpt-neox-tokenizer', 'fixtures'] as const;

/** What no installation changes: the machine, what its kernel or sandbox grants this user, a device. */
const OF_THE_MACHINE = ['linux', 'permission', 'second-file-system', 'gpu'] as const;

export interface Lack {
  readonly need: (typeof INSTALLED)[number] | (typeof OF_THE_MACHINE)[number];
  /** what is missing, and how to get it where it can be got */
  readonly why: string;
}

declare module 'vitest' {
  interface TaskMeta {
    /** why the test was left out, for the reporter */
    leftOut?: Lack;
  }
}

const VARIABLE = 'BLISS_TESTS_INSTALLED';

/** Whether `.ci/install` has run, as `.ci/run` says. */
export const nothingIsMissing = (): boolean => process.env[VARIABLE] === '1';

/**
 * Leaves a test out, with the reason; the only way in which one is.
 * @throws Error where `.ci/install` has run and should have brought it
 */
export function leaveOut(context: TestContext, lack: Lack): never {
  const isInstalled = (INSTALLED as readonly string[]).includes(lack.need);
  if (nothingIsMissing() && isInstalled) throw new Error(`${lack.why}; for that (${lack.need}) no test is left out where .ci/install has run, as ${VARIABLE} says`);
  context.task.meta.leftOut = lack;
  context.skip(lack.why);
}
