import { checkpoints, type Store } from '../lib/artifacts/index.js';
import type { Blobs } from '../lib/artifacts/types.js';

export interface ClaimEpoch {
  readonly run: string;
  readonly stage: string;
  /** who claims: workflow run id and scheduling number, so that a retry of this activity claims nothing anew */
  readonly claimant: string;
}

/** Before each scheduling of a stage its next epoch is claimed in the store: what ran under lower ones writes to no effect. */
export const createFencingActivities = ({ store, blobs }: { readonly store: Store; readonly blobs: Blobs }) => ({
  claimEpoch: ({ run, stage, claimant }: ClaimEpoch): Promise<number> => checkpoints({ store, blobs, run, stage }).claimEpoch({ claimant }),
});
