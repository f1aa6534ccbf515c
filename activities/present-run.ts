import { copyFile, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { chosenFor, hold, type Store } from '../lib/artifacts/index.js';
import { otherSelection } from '../config/sections/other-selection.js';
import type { Ref } from '../lib/artifacts/types.js';
import { BlissError } from '../lib/errors.js';
import type { Home } from '../lib/home.js';
import { chosenSelection } from '../lib/stages/selection/chosen-selection.js';
import { reportedStages, STAGES_FILE } from '../lib/stages/finished-stages.js';
import { attemptOf, parseTimings } from '../lib/timings.js';
import { Context } from '@temporalio/activity';
import { lastSigns, secondsOf } from './progress-files.js';

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
    const ended = parseTimings(await readFile(folder.timings, 'utf8').catch(() => '')); // none has ended yet
    const counted = new Set(ended.map(({ startedAt = '', ...timing }) => attemptOf({ ...timing, startedAt })));
    let seconds = ended.reduce((sum, { device, seconds: took }) => (device === true ? sum + took : sum), 0);
    for (const file of await readdir(folder.progressFolder).catch(() => [])) {
      if (!file.endsWith('.json')) continue;
      // one that runs, was killed, or whose line is lost
      const last = await lastSigns(path.join(folder.progressFolder, file));
      if (last?.device === true && !counted.has(attemptOf(last))) seconds += secondsOf(last);
    }
    return seconds;
  },

  /** The selection of round N of another run: of the same seed where it has it, else of its first. */
  resolveSelection: async ({ from, seed }: { readonly from: string; readonly seed: number }): Promise<Ref> => {
    const { run, round } = otherSelection(from) ?? { run: from, round: 0 };
    const missing = (message: string): BlissError => new BlissError({ code: 'ConfigInvalid', message, where: 'selection.from', fix: `name a finished run of ${home.runs} and one of its rounds: RUN/round-N` });
    const stages = reportedStages(home.run(run));
    if (stages === undefined) throw missing(`run '${run}' is not finished or not in this home (no ${path.join(home.run(run).root, STAGES_FILE)})`);
    const found = chosenSelection({ stages, round, seed });
    if (found === undefined) throw missing(`run '${run}' has no selection by scores of round ${round}`);
    const asking = Context.current().info.workflowExecution?.workflowId;
    // from here on the run that asked refers to it, whatever becomes of the other one
    if (asking !== undefined) await hold({ blobs: store.blobs, run: asking, stage: chosenFor(seed), ref: found });
    return found;
  },
});
