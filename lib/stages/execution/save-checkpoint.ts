import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoints } from '../../artifacts/index.js';
import type { FencingToken } from '../../artifacts/types.js';
import { type CheckpointFiles, writeFiles } from '../contents/index.js';

/** A checkpoint to be saved. */
export interface Save {
  readonly step: number;
  readonly files: CheckpointFiles;
}

/** Whose checkpoints, and which of them stay. */
export interface SavingRules {
  readonly token: FencingToken;
  readonly keep: number;
  /** 0: none beside the newest */
  readonly keepEvery: number;
  /** folder of this attempt, on the store's file system: files are written there and linked into the store */
  readonly scratch: string;
}

/** All of a save that takes time: writing, hashing, publishing, and removing what is no longer kept. @returns its bytes. @throws BlissError Fenced, DiskFull */
export async function saveCheckpoint({ series, rules, save: { step, files } }: { readonly series: Checkpoints; readonly rules: SavingRules; readonly save: Save }): Promise<number> {
  const { token, keep, keepEvery, scratch } = rules;
  const folder = await mkdtemp(path.join(scratch, 'checkpoint-'));
  try {
    const written = await writeFiles(folder, files);
    const { ref } = await series.save({ token, step, folder, given: true, files: written, summary: { step } });
    await series.prune({ token, keep, keepEvery });
    return ref.size;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
