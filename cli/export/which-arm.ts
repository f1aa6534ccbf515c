import type { RunConfig } from '../../config/index.js';
import { BlissError } from '../../lib/errors.js';

export interface WhichArm {
  readonly config: RunConfig;
  /** as asked for; undefined where it goes without saying */
  readonly arm: string | undefined;
  readonly seed: number | undefined;
}

export interface ChosenArm {
  readonly arm: RunConfig['comparison']['arms'][number];
  readonly seed: number;
}

/** Where it is not said, the arm is the one of selector `bliss`, and the seed the only one. @throws BlissError Usage for what is not of the run or must be said */
export function whichArm({ config, ...asked }: WhichArm): ChosenArm {
  const { arms } = config.comparison;
  const name = one({ what: 'arm', asked: asked.arm, all: arms.map((arm) => arm.name), usual: arms.filter(({ selector }) => selector === 'bliss').map((arm) => arm.name) });
  const seed = one({ what: 'seed', asked: asked.seed, all: config.seeds, usual: config.seeds });
  const [arm] = arms.filter((each) => each.name === name);
  return { arm, seed };
}

interface One<T> {
  readonly what: 'arm' | 'seed';
  readonly asked: T | undefined;
  readonly all: readonly T[];
  /** taken where it is the only one */
  readonly usual: readonly T[];
}

function one<T extends string | number>({ what, asked, all, usual }: One<T>): T {
  const choices = { where: `--${what}`, fix: `name one of ${all.join(', ')}` };
  if (asked !== undefined) {
    if (all.includes(asked)) return asked;
    throw new BlissError({ code: 'Usage', message: `the run has no ${what} ${asked}`, ...choices });
  }
  const [only, ...others] = all.length === 1 ? all : usual;
  if (only !== undefined && others.length === 0) return only;
  throw new BlissError({ code: 'Usage', message: `the run has several ${what}s`, ...choices });
}
