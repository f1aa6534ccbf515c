import type { RunConfig } from '../../config/index.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { counted } from '../../lib/counted.js';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { packageVersion } from '../../lib/package-root.js';
import { keepFinishedStages } from '../../lib/stages/finished-stages.js';
import type { FinishedStage, Forked } from '../../lib/stages/types.js';
import { planStages } from '../../workflows/plan.js';
import type { PipelineInput } from '../../workflows/types.js';
import { differences } from '../plan/differences.js';
import { changedFeatures } from './features.js';
import { finishedStages } from './finished.js';
import { forkPoint, isLeaf, rankOf, type ForkPoint } from './point.js';

/** What a new run takes over from another. */
export interface Taken {
  readonly known: Ref;
  readonly forked: Forked;
  readonly stages: readonly FinishedStage[];
}

export interface TakeStages {
  readonly home: Home;
  /** what the other run was started with */
  readonly input: PipelineInput;
  /** of the new run */
  readonly config: RunConfig;
  /** `--from` as the user gave it */
  readonly from: string;
}

/**
 * Every stage of another run before the fork, in the seeds and arms that both runs have. Its evaluations are taken where they are finished.
 * @throws BlissError Usage for a stage that is not there or not finished; ConfigInvalid for a field that decided what came before
 */
export async function takeStages({ home, input, config, from }: TakeStages): Promise<Taken> {
  const point = forkPoint(from);
  checkFields({ before: input, config, point });
  const planned = planStages(config).filter((stage) => (rankOf(stage) ?? Infinity) < point.rank && isOfBoth({ stage, config, other: input.config }));
  const store = openStore({ blobs: fileBlobs({ root: home.store }), codeVersion: packageVersion() });
  const finished = new Map((await finishedStages({ home, store, input })).map((stage) => [stage.stage, stage]));
  const missing = planned.find((stage) => !finished.has(stage) && !isLeaf(stage));
  if (missing !== undefined) {
    throw new BlissError({ code: 'Usage', message: `${missing} of the run ${input.run} is not finished, and ${point.stage} comes after it`, where: '--from', fix: 'fork from that stage or one before it, or wait until it is finished' });
  }
  const stages = planned.flatMap((stage) => finished.get(stage) ?? []);
  return { known: await keepFinishedStages({ store, home, stages }), forked: { from: input.run, stage: point.stage }, stages };
}

/** What such fields say is in the artifacts that later stages read: another value would not fit them. */
const DECIDED_BY: readonly { readonly fields: RegExp; readonly stage: string }[] = [
  { fields: /^(data|tokenizer|heldOut)\.|^models\.vocabularySize$/, stage: 'prepare' },
  { fields: /^models\./, stage: 'warm-up/proxy' },
];

function checkFields({ before, config, point }: { readonly before: PipelineInput; readonly config: RunConfig; readonly point: ForkPoint }): void {
  const refuse = (field: string, change: string, stage: string): never => {
    throw new BlissError({ code: 'ConfigInvalid', message: `${change} does not fit what ${before.run} has before ${point.stage}`, where: field, fix: `fork from ${stage}, or run the changed configuration: what still fits is found finished` });
  };
  for (const { field, before: was, now } of differences(before.config, config)) {
    const decided = DECIDED_BY.find(({ fields }) => fields.test(field));
    if (decided !== undefined && point.rank > (rankOf(decided.stage) ?? 0)) refuse(field, `${JSON.stringify(was)} → ${JSON.stringify(now)}`, decided.stage);
  }
  for (const { field, before: was, now } of changedFeatures({ before: before.config, config, point })) refuse(field, `${JSON.stringify(was)} → ${JSON.stringify(now)} with bilevel.score.inherit`, 'round-1/bilevel');
  // the corpus has a group of rows for each round
  if (config.rounds > before.config.rounds && point.rank > 0) refuse('rounds', `${before.config.rounds} → ${config.rounds}`, 'prepare');
  const [, round] = /^round-(\d+)\//.exec(point.stage) ?? [];
  if (round !== undefined && Number(round) > config.rounds) throw new BlissError({ code: 'Usage', message: `there is no ${point.stage} in a run of ${counted(config.rounds, 'round')}`, where: '--from', fix: 'name a stage of one of its rounds' });
}

/** An arm of another selector is another arm. */
function isOfBoth({ stage, config, other }: { readonly stage: string; readonly config: RunConfig; readonly other: RunConfig }): boolean {
  const [, seed, , arm] = /^seed-(\d+)\/(([^/]+)\/round-)?/.exec(stage) ?? [];
  if (!other.seeds.includes(Number(seed))) return false;
  const selectorIn = ({ comparison: { arms } }: RunConfig): string | undefined => arms.find(({ name }) => name === arm)?.selector;
  return arm === undefined || selectorIn(config) === selectorIn(other);
}
