import { copyFile, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import type { Store } from '../lib/artifacts/index.js';
import type { Ref } from '../lib/artifacts/types.js';
import { BlissError } from '../lib/errors.js';
import type { Home, StageProgressFile } from '../lib/home.js';
import type { FinishedStage } from '../lib/stages/types.js';
import { ApplicationFailure } from '@temporalio/activity';

/** Lays what a person looks for into the run's folder, and finds what another run chose. */
export const createRunFolderActivities = ({ store, home }: { readonly store: Store; readonly home: Home }) => ({
  /** report.html, metrics.jsonl, stages.json and TensorBoard events of a finished run */
  presentRun: async ({ run, report }: { readonly run: string; readonly report: Ref }): Promise<void> => {
    const artifact = await store.open(report);
    const folder = home.run(run).root;
    for (const { name } of artifact.manifest.files) {
      const target = path.join(folder, name);
      await mkdir(path.dirname(target), { recursive: true });
      await copyFile(await artifact.file(name), `${target}.tmp`);
      await rename(`${target}.tmp`, target);
    }
  },

  /** How long the run's stages have held devices, all attempts together, killed ones to their last sign of life. */
  deviceSeconds: async ({ run }: { readonly run: string }): Promise<number> => {
    const folder = home.run(run);
    const text = await readFile(folder.timings, 'utf8').catch(() => '');
    let seconds = 0;
    for (const line of text.split('\n')) {
      if (!line.endsWith('}')) continue; // the last may be cut off
      const { device, seconds: took } = JSON.parse(line) as { readonly device?: boolean; readonly seconds: number }; // by our own progress files
      if (device === true) seconds += took;
    }
    for (const file of await readdir(folder.progressFolder).catch(() => [])) {
      if (!file.endsWith('.json')) continue;
      const stage = JSON.parse(await readFile(path.join(folder.progressFolder, file), 'utf8')) as StageProgressFile; // replaced whole
      if (stage.device === true && stage.state === 'running') seconds += (Date.parse(stage.updatedAt) - Date.parse(stage.startedAt)) / 1000;
    }
    return seconds;
  },

  /** The selection of round N of another run: of the same seed where it has it, else of its first. */
  resolveSelection: async ({ from, seed }: { readonly from: string; readonly seed: number }): Promise<Ref> => {
    const [run, round] = from.split('/round-');
    const file = path.join(home.run(run).root, 'stages.json');
    const missing = (message: string): ApplicationFailure => {
      const error = new BlissError({ code: 'ConfigInvalid', message, where: 'selection.from', mend: `name a finished run of ${home.runs} and one of its rounds: RUN/round-N` });
      return ApplicationFailure.create({ type: error.code, message: error.message, nonRetryable: true });
    };
    let stages: FinishedStage[];
    try {
      stages = JSON.parse(await readFile(file, 'utf8')) as FinishedStage[]; // written by our report stage
    } catch {
      throw missing(`run '${run}' is not finished or not in this home (no ${file})`);
    }
    const chosen = stages.filter((stage) => stage.name === 'selection' && stage.results[0].summary['selector'] === 'bliss' && stage.round === Number(round));
    const found = chosen.find((stage) => stage.seed === seed) ?? chosen[0];
    if (found === undefined) throw missing(`run '${run}' has no selection by scores of round ${round}`);
    return found.results[0].ref;
  },
});
