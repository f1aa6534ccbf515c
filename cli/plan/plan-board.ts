import { resourceOf } from '../../config/tables/stages.js';
import { digestJson, type Store } from '../../lib/artifacts/index.js';
import type { Blobs, Ref } from '../../lib/artifacts/types.js';
import { keyContent, keyContentOf, originOf, type KeyContent } from '../../lib/stages/execution/execute.js';
import { stageByName } from '../../lib/stages/index.js';
import type { StageInputs, StageName, StageResult, Work } from '../../lib/stages/types.js';
import { type RunStage, stageParts, type StageRunner } from '../../workflows/board/index.js';
import type { StageWorkflowInput } from '../../workflows/stage/index.js';
import type { PipelineInput } from '../../workflows/types.js';
import type { Taken } from '../fork/index.js';
import { differences, differenceText, type Difference } from './differences.js';
import type { Measured } from './measured.js';
import { workOf } from '../../lib/stages/report/work.js';

/** A stage as a run would find it. */
export interface PlannedStage {
  readonly stage: string;
  readonly name: StageName;
  readonly state: 'found finished' | 'to run';
  /** why it is not found finished */
  readonly why?: string;
  readonly device: boolean;
  /** of what is to run */
  readonly work?: Work;
  /** by what stages of its kind have done in this home, on one device */
  readonly seconds?: number;
}

/** marks a reference to what is yet to be made, by which stage */
const PLANNED = 'planned:';

/** Looks each stage up instead of running it; what is not there is taken as made, and all that follows from it as to run. */
export class PlanBoard implements StageRunner {
  readonly stages: PlannedStage[] = [];
  private recorded: Promise<readonly KeyContent[]> | undefined;

  constructor(
    private readonly run_: PipelineInput,
    private readonly from: { readonly store: Store; readonly blobs: Blobs; readonly measured: Measured; /** from another run */ readonly taken?: Taken },
  ) {}

  /** no history is written that could be full */
  readonly mayBeginRound = (): boolean => true;

  get lastRound(): number {
    return this.run_.config.rounds;
  }

  async run<Name extends StageName, Input extends StageWorkflowInput<Name>>(stage: RunStage<Name, Input>): Promise<readonly StageResult[]> {
    const taken = this.from.taken?.stages.find((one) => one.stage === stage.place.stage);
    if (taken !== undefined) {
      this.stages.push({ stage: taken.stage, name: stage.name, state: 'found finished', device: resourceOf(stage.name) === 'gpu' });
      return taken.results;
    }
    const inputs = stageParts(stage);
    const looked = [];
    for (const input of inputs) looked.push(await this.look(stage.name, stage.place.stage, input));
    const missing = looked.filter(({ found }) => found === undefined);
    const works = missing.map(({ work }) => work);
    const work = works.length === 0 ? undefined : works.reduce((sum, one) => ({ ...one, amount: sum.amount + one.amount, flops: sum.flops + one.flops, bytes: sum.bytes + one.bytes }));
    const seconds = work === undefined ? undefined : this.from.measured.seconds(stage.name, work);
    this.stages.push({
      stage: stage.place.stage,
      name: stage.name,
      state: missing.length === 0 ? 'found finished' : 'to run',
      ...(missing.length === 0 ? {} : { why: missing[0].why }),
      device: resourceOf(stage.name) === 'gpu',
      ...(work === undefined ? {} : { work }),
      ...(seconds === undefined ? {} : { seconds }),
    });
    return looked.map(({ found }) => found ?? this.planned(stage.name, stage.place.stage));
  }

  async runOne<Name extends StageName, Input extends StageWorkflowInput<Name>>(stage: RunStage<Name, Input>): Promise<StageResult> {
    return (await this.run(stage))[0];
  }

  private async look<Name extends StageName>(name: Name, at: string, input: StageInputs[Name]): Promise<{ readonly found?: StageResult; readonly why: string; readonly work: Work }> {
    const work = workOf(name, input, this.run_.config);
    const awaited = plannedStages(input);
    if (awaited.length > 0) return { why: `after ${awaited.map((stage) => relative(stage, at)).join(' and ')}`, work };
    const task = { input, scope: this.run_.scope };
    const content = await keyContent(stageByName(name), task);
    const outputs = await this.from.store.find(digestJson(content), { origin: originOf(content) });
    if (outputs !== undefined) return { found: { ...(outputs as Omit<StageResult, 'cached'>), cached: true }, why: '', work };
    return { why: await this.why(content), work };
  }

  /** What tells it from the finished stage that is most like it. */
  private async why(content: KeyContent): Promise<string> {
    this.recorded ??= recordedContents(this.from.blobs);
    let nearest: readonly Difference[] | undefined;
    for (const other of await this.recorded) {
      if (other.name !== content.name) continue;
      const found = differences(other, content);
      if (found.length > 0 && (nearest === undefined || found.length < nearest.length)) nearest = found;
    }
    return nearest === undefined ? 'nothing of its kind is on record in this home' : differenceText(nearest.map((one) => ({ ...one, field: one.field.replace(/^(input|parts)\./, '') })));
  }

  private planned(name: StageName, stage: string): StageResult {
    const { data, rounds } = this.run_.config;
    const ref: Ref = { uri: `${PLANNED}${stage}`, sha256: '', size: 0, digest: '' };
    const summary = name === 'prepare' ? { shards: new Array<number>(rounds + 1).fill(Math.ceil(data.rowsPerGroup / data.rowsPerShard)) } : {};
    return { ref, summary, cached: false };
  }
}

/** Stages whose results the input refers to and that are not there yet. */
function plannedStages(input: unknown): string[] {
  const found = new Set<string>();
  JSON.stringify(input, (_, value: unknown) => {
    if (typeof value === 'string' && value.startsWith(PLANNED)) found.add(value.slice(PLANNED.length));
    return value;
  });
  return [...found];
}

/** without what both paths begin with */
function relative(stage: string, from: string): string {
  const [parts, others] = [stage.split('/'), from.split('/')];
  const shared = parts.findIndex((part, i) => part !== others[i]);
  return parts.slice(Math.max(0, shared)).join('/');
}

async function recordedContents(blobs: Blobs): Promise<readonly KeyContent[]> {
  const contents: KeyContent[] = [];
  for (const { key, size } of await blobs.list(keyContentOf('').replace('.json', ''))) {
    contents.push(JSON.parse(Buffer.from(await blobs.getRange(key, 0, size)).toString('utf8')) as KeyContent); // written by our own stages
  }
  return contents;
}
