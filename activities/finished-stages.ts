import type { Store } from '../lib/artifacts/index.js';
import type { Ref } from '../lib/artifacts/types.js';
import type { Home } from '../lib/home.js';
import { keepFinishedStages, readFinishedStages } from '../lib/stages/finished-stages.js';
import type { FinishedStage, StageResult } from '../lib/stages/types.js';

export interface KeepFinished {
  readonly run: string;
  /** kept before */
  readonly known: Ref | null;
  /** finished since */
  readonly stages: readonly FinishedStage[];
  /** the run's stages in canonical order; others are left out */
  readonly order: readonly string[];
}

/** As much of a finished stage as those that follow it need. */
export type KnownStage = Pick<FinishedStage, 'stage' | 'results'>;

/** Some 300 bytes each; the server takes 2 MB in one piece. */
const RESULTS_OF_A_PAGE = 2_000;

/** Takes the results of a run's stages out of its history into the store, and back. */
export const createFinishedStagesActivities = ({ store, home }: { readonly store: Store; readonly home: Home }) => ({
  /** Everything that has finished, in canonical order. */
  keepFinished: async ({ run, known, stages, order }: KeepFinished): Promise<Ref> => {
    const place = new Map(order.map((stage, i) => [stage, i]));
    const before = known === null ? [] : await readFinishedStages({ store, ref: known });
    const all = new Map([...before, ...stages].map((stage) => [stage.stage, stage]));
    const sorted = [...all.values()].filter(({ stage }) => place.has(stage)).sort((a, b) => (place.get(a.stage) ?? 0) - (place.get(b.stage) ?? 0));
    return keepFinishedStages({ store, home, stages: sorted, run });
  },

  /** What was kept, page by page from 0. */
  knownStages: async ({ known, page }: { readonly known: Ref; readonly page: number }): Promise<{ readonly stages: readonly KnownStage[]; readonly more: boolean }> => {
    const pages = inPages(await readFinishedStages({ store, ref: known }));
    return { stages: (pages[page] ?? []).map(asKnown), more: page + 1 < pages.length };
  },
});

function inPages(stages: readonly FinishedStage[]): FinishedStage[][] {
  const pages: FinishedStage[][] = [];
  let room = 0;
  for (const stage of stages) {
    if (room < stage.results.length) {
      pages.push([]);
      room = RESULTS_OF_A_PAGE;
    }
    pages.at(-1)?.push(stage);
    room -= stage.results.length;
  }
  return pages;
}

/** Later stages ask for the corpus's shards, and of the others for what they made. */
const asKnown = ({ stage, name, results }: FinishedStage): KnownStage => ({
  stage,
  results: results.map(({ ref, summary }): StageResult => ({ ref, summary: name === 'prepare' ? { shards: summary['shards'] } : {}, cached: true })),
});
