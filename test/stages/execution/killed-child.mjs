// Runs a stage of one step and ends itself by SIGKILL before or after a key of a kind is put into the store; or tells what the stage gave.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

const [library, root, run, attempt, when, kind] = process.argv.slice(2);
const { fileBlobs, openStore } = await import(path.join(library, 'artifacts', 'index.js'));
const { executeStage } = await import(path.join(library, 'stages', 'execution', 'execute.js'));

const files = fileBlobs({ root: path.join(root, 'store') });
const die = () => process.kill(process.pid, 'SIGKILL');
const blobs = {
  ...files,
  putIfAbsent: async (key, content) => {
    const isIt = kind !== undefined && new RegExp(kind).test(key);
    if (isIt && when === 'before') die();
    const put = await files.putIfAbsent(key, content);
    if (isIt && when === 'after') die();
    return put;
  },
};
const nothing = async () => undefined;
const result = await executeStage({
  stage: {
    name: 'selection',
    version: 1,
    resource: 'cpu',
    run: async (_, { scratch }) => {
      // two attempts may give equal content in other bytes
      writeFileSync(path.join(scratch, 'result'), `attempt ${attempt}`);
      return { kind: 'selection', folder: scratch, digest: 'd'.repeat(64), summary: {} };
    },
  },
  task: { name: 'selection', run, stage: 'seed-0/warm-up/selection', input: {}, fencingToken: { epoch: 1, attempt: Number(attempt) }, scope: '', keepCheckpoints: 2 },
  store: openStore({ blobs }),
  blobs,
  programs: undefined, // this stage has none
  scratch: path.join(root, 'scratch'),
  hooks: { onProgress: nothing, onPhase: nothing, onCheckpoint: nothing, onMetrics: nothing, onEvent: nothing, onNote: nothing, onSetAside: nothing, timings: async () => [], stopReason: () => undefined },
});
process.stdout.write(JSON.stringify(result));
