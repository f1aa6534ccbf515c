import path from 'node:path';
import type { LoadedConfig } from '../../config/index.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import { openHome } from '../../lib/home.js';
import type { RequireModel } from '../../lib/models/index.js';
import type { RenderReport } from '../../lib/stages/report/report.js';
import type { ComparedRuns } from '../../lib/stages/report/compared-runs.js';
import type { FinishedRun } from '../finished-run.js';
import type { Taken } from '../fork/index.js';
import type { Plan } from '../plan/plan-run.js';

/** Root of a home: a job's input is plain data. */
interface InHome {
  readonly home: string;
}

export interface PlanJob extends InHome {
  readonly loaded: LoadedConfig;
  readonly taken?: Taken;
}

export interface ModelJob extends Pick<RequireModel, 'asked' | 'where' | 'field'> {
  readonly folder: string;
}

export type ReportJob = InHome & Omit<RenderReport, 'store' | 'temporaryFolder'>;

export interface CompareJob extends InHome {
  readonly runs: readonly FinishedRun[];
  /** whether a report is wanted, too */
  readonly report: boolean;
}

/** What commands do with code that brings TensorFlow, in a process of its own (`apart.ts`). Each loads what it needs itself. */
export const jobs = {
  plan: async ({ home, ...rest }: PlanJob): Promise<{ readonly plan: Plan; readonly text: string }> => {
    const { planRun, planText } = await import('../plan/plan-run.js');
    const plan = await planRun({ home: openHome(home), ...rest });
    return { plan, text: planText(plan) };
  },
  /** @throws BlissError where the folder's model is not the one asked for */
  model: async ({ folder, ...asked }: ModelJob): Promise<void> => {
    const { openHuggingFace, requireModel } = await import('../../lib/models/index.js');
    const found = await openHuggingFace(folder);
    await found.close();
    requireModel({ found, ...asked });
  },
  /** @throws BlissError Usage where the runs cannot be one */
  compare: async ({ home, runs, report }: CompareJob): Promise<{ readonly compared: ComparedRuns; /** of all runs as one, where asked for */ readonly report?: string }> => {
    const [{ joinRuns }, { checkSameFiles }, { compareRuns }] = await Promise.all([import('../compare/join-runs.js'), import('../compare/same-files.js'), import('../../lib/stages/report/compared-runs.js')]);
    const store = openStore({ blobs: fileBlobs({ root: openHome(home).store }) });
    const joined = joinRuns(runs);
    const all = { ...joined, notes: [...joined.notes, ...(await checkSameFiles({ store, runs }))] };
    const compared = await compareRuns({ store, ...all });
    return report ? { compared, report: await jobs.report({ home, ...all }) } : { compared };
  },
  report: async ({ home, ...rest }: ReportJob): Promise<string> => {
    const [{ renderReport }, { openScratch }] = await Promise.all([import('../../lib/stages/report/report.js'), import('../../lib/stages/execution/scratch.js')]);
    const scratch = await openScratch(path.join(home, 'scratch'));
    try {
      return await renderReport({ store: openStore({ blobs: fileBlobs({ root: openHome(home).store }) }), temporaryFolder: path.join(scratch.folder, 'separating'), ...rest });
    } finally {
      await scratch.remove();
    }
  },
};

export type Jobs = typeof jobs;
