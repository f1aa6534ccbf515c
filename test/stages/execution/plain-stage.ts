import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileBlobs, openStore, type Blobs } from '../../../lib/artifacts/index.js';
import { ProgramCache } from '../../../lib/programs/index.js';
import { executeStage, type StageHooks, type StageResult } from '../../../lib/stages/index.js';
import type { PrepareInput, Stage, StageContext } from '../../../lib/stages/types.js';

const programs = new ProgramCache();
/** Calls stages of a line or two: no tensors. */
export const place = (): string => mkdtempSync(path.join(os.tmpdir(), 'bliss-execute-'));

export interface Call {
  readonly root: string;
  readonly attempt: number;
  readonly run: string;
  readonly scope?: string;
  readonly keyParts?: () => Promise<unknown>;
  readonly work?: (context: StageContext) => Promise<void>;
  readonly hooks?: Partial<StageHooks>;
  readonly keepCheckpointsEvery?: number;
  readonly wrap?: (blobs: Blobs) => Blobs;
}

export async function call({ root, attempt, run, scope = '', keyParts = async () => 'same', work = async () => undefined, hooks = {}, keepCheckpointsEvery = 0, wrap = (blobs) => blobs }: Call): Promise<StageResult> {
  const stage: Stage<'prepare'> = {
    name: 'prepare',
    version: 1,
    keyInput: () => 'same',
    keyParts,
    run: async (_input, context) => {
      await work(context);
      await writeFile(path.join(context.scratch, 'result'), 'the same');
      return { kind: 'corpus', folder: context.scratch, digest: 'd'.repeat(64), summary: {} };
    },
  };
  const blobs = wrap(fileBlobs({ root: path.join(root, 'store') }));
  const input = {} as PrepareInput; // this stage reads none of it
  return executeStage({
    stage,
    task: { name: 'prepare', run, stage: 'prepare', input, fencingToken: { epoch: 1, attempt }, scope, keepCheckpoints: 2, keepCheckpointsEvery },
    store: openStore({ blobs }),
    blobs,
    programs,
    scratch: path.join(root, 'scratch'),
    hooks: { onProgress: async () => undefined, onPhase: async () => undefined, onCheckpoint: async () => undefined, onEvent: () => undefined, onNote: () => undefined, onSetAside: () => undefined, onMetrics: async () => undefined, timings: async () => [], stopReason: () => undefined, ...hooks },
  });
}

export const checkpointsOf = (root: string, run: string): string[] => {
  const folder = path.join(root, 'store', 'checkpoints', run);
  return existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String).filter((name) => name.endsWith('manifest.json')) : [];
};
