import path from 'node:path';
import { fileBlobs, openStore, type Store } from '../../lib/artifacts/index.js';
import { ProgramCache } from '../../lib/programs/index.js';
import { executeStage, stageByName, type StageHooks, type StageInputs, type StageName, type StageResult, type StageTask } from '../../lib/stages/index.js';

/** Stages called as a trainer calls them, from first to last. */
export interface StageCaller {
  readonly programs: ProgramCache;
  readonly store: Store;
  /** @param of whose stage; without it one of its own: nothing is found finished, and no checkpoint */
  call<Name extends StageName>(name: Name, input: StageInputs[Name], hooks?: Partial<StageHooks>, of?: Pick<StageTask, 'run' | 'stage' | 'scope' | 'keepCheckpoints'>): Promise<StageResult>;
}

export function openCaller(folder: string): StageCaller {
  const programs = new ProgramCache();
  const blobs = fileBlobs({ root: path.join(folder, 'store') });
  const store = openStore({ blobs });
  const nothing = async (): Promise<void> => undefined;
  let calls = 0;
  return {
    programs,
    store,
    call: (name, input, hooks = {}, of) => {
      calls += 1;
      const place = of ?? { run: 'bench', stage: `${name}-${calls}`, scope: `call ${calls}`, keepCheckpoints: 2 };
      return executeStage({
        stage: stageByName(name),
        task: { name, input, fencingToken: { epoch: 1, attempt: 1 }, ...place },
        store,
        blobs,
        programs,
        scratch: path.join(folder, 'scratch'),
        hooks: {
          onProgress: nothing,
          onPhase: nothing,
          onCheckpoint: nothing,
          onMetrics: nothing,
          onEvent: () => undefined,
          onSetAside: () => undefined,
          onNote: () => undefined,
          timings: async () => [],
          stopReason: () => undefined,
          ...hooks,
        },
      });
    },
  };
}
