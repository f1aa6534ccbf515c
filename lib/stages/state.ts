import { digestTensors } from '../artifacts/index.js';
import type { Artifact } from '../artifacts/types.js';
import { readSafetensors, safetensorsPieces } from '../models/index.js';
import { momentShapes, type Trained } from '../programs/state-variables.js';
import type { NamedArrays, Shapes } from '../tensor/index.js';
import { type CheckpointFiles, NUMERICS_FILE, type NumericsRecord, readJson, writeFiles } from './contents/index.js';

/**
 * A model's state on disk: `weights.safetensors` under the checkpoint's names, `optimizer.safetensors` with Adam's moments
 * `adam.m/<name>` and `adam.u/<name>`, `state.json` with the count of updates, and `numerics.json`.
 */
export interface TrainingState extends Trained {
  /** Adam's count of updates, over all stages that this state went through */
  readonly updates: number;
}

interface StateFile {
  readonly updates: number;
}

export interface StateFilesInput {
  readonly state: TrainingState;
  readonly shapes: Shapes;
  readonly numerics: NumericsRecord;
}

/** The state's arrays are given away. */
export function stateFiles({ state, shapes, numerics }: StateFilesInput): CheckpointFiles {
  const file: StateFile = { updates: state.updates };
  return {
    'weights.safetensors': { given: safetensorsPieces({ arrays: state.params, shapes }) },
    'optimizer.safetensors': { given: safetensorsPieces({ arrays: state.moments, shapes: momentShapes(shapes) }) },
    'state.json': JSON.stringify(file),
    [NUMERICS_FILE]: JSON.stringify(numerics),
  };
}

export async function writeState({ folder, ...input }: StateFilesInput & { readonly folder: string }): Promise<void> {
  await writeFiles(folder, stateFiles(input));
}

export async function readState(artifact: Artifact): Promise<TrainingState & StateFile> {
  return {
    ...(await readJson<StateFile>(artifact, 'state.json')),
    params: await readArrays(artifact, 'weights.safetensors'),
    moments: await readArrays(artifact, 'optimizer.safetensors'),
  };
}

/** All tensors of one file of an artifact. */
export const readArrays = async (artifact: Artifact, file: string): Promise<NamedArrays> => (await readSafetensors(await artifact.file(file))).arrays;

/** Canonical content of a state: float32 bits of weights and moments, and the count of updates. */
export function digestState(state: TrainingState, shapes: Shapes): string {
  return digestTensors({ ...state.params, ...state.moments, updates: Int32Array.of(state.updates) }, { ...shapes, ...momentShapes(shapes), updates: [1] });
}
