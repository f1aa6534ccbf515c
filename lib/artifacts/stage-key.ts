import { digestJson } from './digests.js';

export interface StageKeyInput {
  /** `pretraining` */
  readonly name: string;
  /** raised whenever the stage computes something else from the same inputs */
  readonly version: number;
  /** the stage's own part of the configuration, and the seed */
  readonly config: unknown;
  /** input name → digest of the artifact */
  readonly inputs: Readonly<Record<string, string>>;
  /** keeps results apart that must not be shared: the run of `--fresh`, the numerics fingerprint where it is strict */
  readonly scope?: string;
}

/** What makes a stage's result the same result: the key it is found under, within and across runs. sha256, hex. */
export const stageKey = ({ name, version, config, inputs, scope }: StageKeyInput): string => digestJson({ name, version, config, inputs, scope });
