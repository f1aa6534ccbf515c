/** Which stage of which run this is: its path is `seed-S/ARM/round-N/STAGE`. */
export interface StagePlace {
  readonly run: string;
  readonly stage: string;
  readonly seed: number | null;
  readonly arm: string | null;
  readonly round: number | null;
}
