import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../config/index.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import { ProgramCache } from '../../lib/programs/index.js';
import { executeStage, stageByName, type StageHooks, type StageInputs, type StageName, type StageResult } from '../../lib/stages/index.js';

/** A store in a folder of its own, stages called on it without Temporal, and the smallest corpus: three groups of 64 rows of 16 tokens. */
export const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-small-home-'));
const scratch = path.join(root, 'scratch');
const blobs = fileBlobs({ root: path.join(root, 'store') });
export const store = openStore({ blobs });
const programs = new ProgramCache({ limit: 4 });
let calls = 0;

/** Each call is a run of its own. */
export const call = <Name extends StageName>(name: Name, input: StageInputs[Name], hooks: Partial<StageHooks> = {}): Promise<StageResult> =>
  executeStage({
    stage: stageByName(name),
    task: { name, run: `run-${calls++}`, stage: name, input, fencingToken: { epoch: 1, attempt: 1 }, scope: '', keepCheckpoints: 2 },
    store,
    blobs,
    programs,
    scratch,
    hooks: { onProgress: async () => undefined, onPhase: async () => undefined, onCheckpoint: async () => undefined, onEvent: () => undefined, onNote: () => undefined, onSetAside: () => undefined, onMetrics: async () => undefined, timings: async () => [], stopReason: () => undefined, ...hooks },
  });

/** what a stage that failed may have left: its scratch, and notes of finished stages */
export const left = (): readonly string[] => ['scratch', 'store/stages', 'store/artifacts'].flatMap((folder) => (existsSync(path.join(root, folder)) ? readdirSync(path.join(root, folder), { recursive: true }).map(String) : []));

export const { config } = loadConfig({ source: 'smoke', overrides: ['data.rowsPerGroup=64', 'data.rowsPerShard=32', 'data.sequenceLength=16', 'heldOut.validation=8', 'heldOut.tuning=8', 'heldOut.test=8', 'bilevel.batchSize=4', 'bilevel.validationBatchSize=4', 'warmUp.batchSize=4', 'pretraining.batchSize=4'], cwd: root });

export const prepared = (): Promise<StageResult> => call('prepare', { data: config.data, tokenizer: config.tokenizer, heldOut: config.heldOut, vocabularySize: config.models.vocabularySize, groups: 3, seed: '0', configFolder: root });
