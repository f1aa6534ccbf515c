import { readFile } from 'node:fs/promises';
import type { DivergenceConfig } from '../../../config/sections/divergence.js';
import { type CheckpointFiles, readSkipped, rowsText, skippedBatch, type SkippedBatch, skippedFiles, skippedNote } from '../contents/index.js';
import { diverged } from './diverged.js';
import { METRICS_FILE } from '../execution/index.js';
import { SpikeDetector } from './spikes.js';
import type { StageContext } from '../types.js';

export interface WatchSteps {
  readonly context: Pick<StageContext, 'resume' | 'event' | 'note' | 'phase' | 'goBack'>;
  /** absent: stop where a figure is no number */
  readonly policy: DivergenceConfig | undefined;
  /** names of the figures, under which they stand in the metrics too, that are looked at for spikes */
  readonly losses: readonly string[];
  /** `pretraining, step` */
  readonly where: string;
  readonly fix: string;
}

export interface BadStep {
  /** from 0 */
  readonly step: number;
  readonly fault: string;
  readonly figures: Readonly<Record<string, number>>;
  /** ids of the rows of the step's minibatches */
  readonly rows: readonly string[];
  /** step of the newest checkpoint */
  readonly checkpoint: number | undefined;
}

/**
 * Watches the figures of a stage's steps, and skips batches where the policy is `rewind`: the state before the bad step is
 * brought back by the newest checkpoint and the steps since, which have the same bits, and the step takes the next batch of
 * the order. The result is that of an order without the batch, wherever checkpoints lie and whatever is killed: an attempt
 * that goes on from a checkpoint before the bad step meets it again and skips it again.
 */
export class StepWatch {
  private constructor(
    private readonly on: WatchSteps,
    private skipped: readonly SkippedBatch[],
    private spikes: ReadonlyMap<string, SpikeDetector>,
  ) {}

  static async of(on: WatchSteps): Promise<StepWatch> {
    const { resume } = on.context;
    return new StepWatch(on, resume === undefined ? [] : await readSkipped(resume.artifact), await spikesUntil(on, resume));
  }

  /** Place in the order of data of a step's batch, both from 0. */
  placeOf(step: number): number {
    return step + this.skipped.filter((one) => one.step <= step + 1).length;
  }

  /** Figures of a step that counts are what later ones are held against. @returns what is wrong with a step's figures; undefined: nothing */
  judge(figures: Readonly<Record<string, number>>): string | undefined {
    const faults = Object.entries(figures).filter(([, value]) => !Number.isFinite(value)).map(([name, value]) => `${name} ${value}`);
    if (faults.length === 0) {
      for (const [name, { limit }] of this.spikes) if (limit !== undefined && figures[name] > limit) faults.push(`${name} ${short(figures[name])} is a spike, above ${short(limit)}`);
    }
    if (faults.length > 0) return faults.join(', ');
    for (const [name, detector] of this.spikes) detector.add(figures[name]);
    return undefined;
  }

  /**
   * Takes a bad step's batch out of the order.
   * @returns the checkpoint to go on from, undefined: the stage's start. @throws BlissError LossDiverged where the policy is to stop, or enough is skipped
   */
  async skip({ step, fault, figures, rows, checkpoint }: BadStep): Promise<StageContext['resume']> {
    const { context, policy, where, fix } = this.on;
    if (policy?.policy !== 'rewind' || this.skipped.length >= policy.maxSkipped) throw diverged({ where: `${where} ${step + 1}`, fault, rows, checkpoint, skipped: this.skipped, fix: `${fix}; ${otherFixes(policy)}` });
    const batch = this.placeOf(step) + 1;
    this.skipped = [...this.skipped, skippedBatch({ step: step + 1, batch, fault, figures, rows })];
    const from = await context.goBack();
    const at = from === undefined ? 'the start' : `step ${from.step}`;
    context.event('batch skipped', `${where} ${step + 1}: ${fault}; batch ${batch} is skipped, rows ${rowsText(rows)}; back to ${at}`);
    await context.phase(`going back to ${at}`);
    this.spikes = await spikesUntil(this.on, from);
    return from;
  }

  /** The last state before a skipped batch is worth a checkpoint: where the next batch is bad too, nothing is computed a third time. */
  keeps(done: number): boolean {
    return this.skipped.at(-1)?.step === done + 1;
  }

  /** For the metrics of a step, from 0: the places of the batches it went by. */
  record(step: number): { readonly skippedBatches?: readonly number[] } {
    const own = this.skipped.filter((one) => one.step === step + 1);
    return own.length === 0 ? {} : { skippedBatches: own.map(({ batch }) => batch) };
  }

  /** For a checkpoint. */
  files(): CheckpointFiles {
    return skippedFiles(this.skipped);
  }

  /** For the stage's summary, at its end; its readers are told. */
  summary(): { readonly skipped?: readonly SkippedBatch[] } {
    if (this.skipped.length === 0) return {};
    this.on.context.note(skippedNote(this.skipped));
    return { skipped: this.skipped };
  }
}

const otherFixes = (policy: DivergenceConfig | undefined): string =>
  (policy?.policy === 'rewind' ? 'or raise divergence.maxSkipped' : 'or have such batches skipped by divergence.policy: rewind') + (policy?.spike === undefined ? '' : ', or raise divergence.spike.deviations where it is no spike');

const short = (value: number): string => String(Number(value.toPrecision(6)));

/** The policy as far as it decides a result, for a stage's key: what only ends a stage decides none. */
export const policyInKey = (policy: DivergenceConfig | undefined): { readonly divergence?: unknown } => (policy?.policy === 'rewind' ? { divergence: { policy: 'rewind', spike: policy.spike ?? null } } : {});

/** Detectors that have seen what came before a checkpoint: its metrics have every step's losses. */
async function spikesUntil({ policy, losses }: WatchSteps, from: StageContext['resume']): Promise<ReadonlyMap<string, SpikeDetector>> {
  const spike = policy?.spike;
  if (spike === undefined) return new Map();
  const detectors = new Map(losses.map((name) => [name, new SpikeDetector(spike)] as const));
  if (from === undefined) return detectors;
  const lines = (await readFile(await from.artifact.file(METRICS_FILE), 'utf8')).split('\n').filter((line) => line !== '');
  for (const line of lines.slice(-spike.window)) {
    const record = JSON.parse(line) as Record<string, number>; // written by our own stages
    for (const [name, detector] of detectors) detector.add(record[name]);
  }
  return detectors;
}
