import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { canonicalJson, checkpoints, digestJson, hold, type Look, type Origin, type Store } from '../../artifacts/index.js';
import type { Artifact, Blobs, FencingToken, Ref } from '../../artifacts/types.js';
import { openFeeder, WaitClock, type Feeder } from '../../data/index.js';
import { asBlissError, BlissError } from '../../errors.js';
import type { ProgramCache } from '../../programs/index.js';
import { METRICS_FILE } from './metrics-file.js';
import { openSaving, type Saving } from './saving.js';
import { openScratch } from './scratch.js';
import type { Stage, StageContext, StageInputs, StageName, StageProgress, StageResult } from '../types.js';

/** One scheduled piece of work: which stage, for whom, with what. Plain JSON. */
export interface StageTask<Name extends StageName = StageName> {
  readonly name: Name;
  readonly run: string;
  /** `seed-0/bliss/round-1/bilevel` */
  readonly stage: string;
  readonly input: StageInputs[Name];
  readonly fencingToken: FencingToken;
  /** '' shares finished stages with every run; anything else keeps to those computed under the same scope */
  readonly scope: string;
  readonly keepCheckpoints: number;
  /** checkpoints at multiples of this step stay beside, also when the stage is finished. @default 0: none */
  readonly keepCheckpointsEvery?: number;
}

/** What the surroundings hear while a stage runs. */
export interface StageHooks {
  onProgress(progress: StageProgress): Promise<void>;
  onPhase(phase: string): Promise<void>;
  onCheckpoint(checkpoint: { readonly step: number; readonly bytes: number; readonly seconds: number }): Promise<void>;
  /** something a reader of the stage's log must know */
  onEvent(event: { readonly name: string; readonly detail: string }): void;
  /** something a reader of the stage's result must know */
  onNote(note: string): void;
  /** a checkpoint that could not be used, and why */
  onSetAside(event: { readonly checkpoint: string; readonly reason: string }): void;
  /** all metric lines so far, at each checkpoint and at the end */
  onMetrics(lines: readonly string[]): Promise<void>;
  /** lines of the run's timings, as StageContext says */
  timings(): Promise<readonly string[]>;
  stopReason(): string | undefined;
}

export interface ExecuteStage<Name extends StageName> {
  readonly stage: Stage<Name>;
  readonly task: StageTask<Name>;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly programs: ProgramCache;
  /** folder for temporary files of attempts: on the store's file system nothing is copied into the store */
  readonly scratch: string;
  readonly hooks: StageHooks;
  /** of a step in several parts. @default 1,000 */
  readonly hearEveryMs?: number;
}

/** Reading, hashing and copying of large files count no steps: what takes longer than this is said to be going on. */
const SAID_AFTER_MS = 1_000;
/** Said again, as a worker answers for a phase only so long: terabytes take longer. */
const SAID_AGAIN_MS = 60_000;

/** The stage's key: what it is and what decides its result. References count by content, not by where they lie. */
export async function stageKey<Name extends StageName>(stage: Stage<Name>, task: Pick<StageTask<Name>, 'input' | 'scope'>): Promise<string> {
  return digestJson(await keyContent(stage, task));
}

/** What the key is the digest of. */
export async function keyContent<Name extends StageName>(stage: Stage<Name>, task: Pick<StageTask<Name>, 'input' | 'scope'>): Promise<KeyContent> {
  const input = stage.keyInput === undefined ? task.input : stage.keyInput(task.input);
  return {
    name: stage.name,
    version: stage.version,
    input: byDigest(input),
    parts: stage.keyParts === undefined ? null : await stage.keyParts(task.input),
    scope: task.scope,
  };
}
export interface KeyContent {
  readonly name: StageName;
  readonly version: number;
  readonly input: unknown;
  readonly parts: unknown;
  readonly scope: string;
}

/** Beside the note of a finished stage: what its key was made of, so that a plan can say why another one is not found. */
export const keyContentOf = (key: string): string => `inputs/${key}.json`;

/** Replaces every Ref in a JSON value by its digest. */
function byDigest(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(byDigest);
  if (typeof value !== 'object' || value === null) return value;
  if ('uri' in value && 'digest' in value) return { digest: value.digest };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, byDigest(item)]));
}

/** What the result of a key must have been made by and from. */
export const originOf = ({ name, version, input }: KeyContent): Origin => ({ stage: name, stageVersion: version, inputs: digestsIn(input) });

/** Those that `byDigest` left. */
function digestsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('digest' in value && typeof value.digest === 'string' && Object.keys(value).length === 1) return [value.digest];
  return Object.values(value).flatMap(digestsIn);
}

/** Every reference in a JSON value, by its path: the lineage of what comes out. */
function references(value: unknown, at = ''): [string, Ref][] {
  if (Array.isArray(value)) return value.flatMap((item, i) => references(item, `${at}[${i}]`));
  if (typeof value !== 'object' || value === null) return [];
  if ('uri' in value && 'digest' in value && 'sha256' in value) return [[at, value as Ref]];
  return Object.entries(value).flatMap(([key, item]) => references(item, at === '' ? key : `${at}.${key}`));
}

/**
 * Runs a stage to its end: found finished, or gone on with from the newest checkpoint under this fencing token, or from
 * the start. Knows nothing of Temporal: activities, tests and benches call it alike.
 *
 * @throws BlissError Stopped when the stage ended at a checkpoint because it was asked to; Fenced when a later attempt has begun
 */
export async function executeStage<Name extends StageName>(params: ExecuteStage<Name>): Promise<StageResult> {
  const { stage, task, store, blobs, programs, hooks, hearEveryMs = 1_000 } = params;
  const { keepCheckpointsEvery: keepEvery = 0 } = task;
  const stretch = longStretches(hooks);
  const scratch = await openScratch(params.scratch);
  const waiting = new WaitClock();
  const feeders: Feeder[] = [];
  const notes: string[] = [];
  let saving: Saving | undefined;
  try {
    stretch.begin('checking its inputs');
    const content = await keyContent(stage, task);
    const key = digestJson(content);
    const look: Look = { origin: originOf(content), onDropped: (why) => hooks.onEvent({ name: 'computed again', detail: `its result is on record, but ${why}` }) };
    const found = await store.find(key, look);
    const series = checkpoints({ store, blobs, run: task.run, stage: task.stage, key, onSetAside: hooks.onSetAside });
    if (found !== undefined) {
      const result = found as Omit<StageResult, 'cached'>; // noted below
      await hold({ blobs, run: task.run, stage: task.stage, ref: result.ref });
      // an attempt that was killed after its note, or another run, finished the stage: what was saved on the way is of no more use
      await series.discard({ token: task.fencingToken, keepEvery }).catch(() => undefined);
      return { ...result, cached: true };
    }

    stretch.begin('checking its checkpoints');
    const from = await series.begin({ token: task.fencingToken });
    let lines: string[] = [];
    let resume: StageContext['resume'];
    if (from !== undefined) {
      const artifact = await store.open(from.ref);
      resume = { step: from.step, artifact };
      hooks.onEvent({ name: 'goes on', detail: `from the checkpoint at step ${from.step}` });
      lines = await metricLines(artifact);
    }
    stretch.begin('opening its inputs');
    const context: StageContext = {
      store,
      scratch: path.join(scratch.folder, 'out'),
      programs,
      resume,
      waiting,
      hearEveryMs,
      feed: async (options) => {
        const feeder = await openFeeder({ ...options, clock: waiting });
        feeders.push(feeder);
        return feeder;
      },
      progress: async (progress) => {
        stretch.end();
        const { wait } = waiting;
        await hooks.onProgress(wait.of > 0 ? { ...progress, dataWait: wait } : progress);
        saving?.check();
      },
      phase: (name) => {
        stretch.end();
        return hooks.onPhase(name);
      },
      event: (name, detail) => hooks.onEvent({ name, detail }),
      note: (text) => {
        notes.push(text);
        hooks.onNote(text);
      },
      metrics: (record) => {
        lines.push(JSON.stringify(record));
      },
      checkpoint: async ({ step, files }) => {
        const started = performance.now();
        stretch.begin(`saving a checkpoint at step ${step}`);
        saving ??= openSaving({ store, blobs, series, of: { run: task.run, stage: task.stage, key }, rules: { token: task.fencingToken, keep: task.keepCheckpoints, keepEvery, scratch: scratch.folder } });
        const told = lines.slice();
        await saving.begin(step, () => ({ ...files(), [METRICS_FILE]: told.map((line) => `${line}\n`).join('') }), async (bytes) => {
          await hooks.onCheckpoint({ step, bytes, seconds: (performance.now() - started) / 1000 });
          await hooks.onMetrics(told);
        });
        // a stage that was asked to stop waits for this save
        if (hooks.stopReason() === undefined) stretch.end();
      },
      goBack: async () => {
        stretch.begin('checking its checkpoints');
        await saving?.settled();
        const newest = await series.newest({ token: task.fencingToken });
        const back = newest === undefined ? undefined : { step: newest.step, artifact: await store.open(newest.ref) };
        lines = back === undefined ? [] : await metricLines(back.artifact);
        return back;
      },
      timings: () => hooks.timings(),
      stopReason: () => hooks.stopReason(),
    };
    await mkdir(context.scratch, { recursive: true });
    const output = await stage.run(task.input, context);
    const summary = notes.length === 0 ? output.summary : { ...output.summary, note: notes.join('; ') };
    stretch.begin('publishing its result');
    await saving?.settled();
    if (lines.length > 0) await writeFile(path.join(output.folder, METRICS_FILE), lines.map((line) => `${line}\n`).join(''));
    const inputs = Object.fromEntries(references(task.input).map(([name, ref]) => [name, { sha256: ref.sha256, digest: ref.digest }]));
    const ref = await store.publish({
      kind: output.kind,
      folder: output.folder,
      given: true,
      digest: output.digest,
      lineage: { stage: stage.name, stageVersion: stage.version, inputs, key },
      summary,
    });
    // held before its note says that the stage is done, so that no garbage collection comes between
    await hold({ blobs, run: task.run, stage: task.stage, ref });
    await blobs.putIfAbsent(keyContentOf(key), Buffer.from(canonicalJson(content), 'utf8'));
    // where another run finished the same stage meanwhile, both go on with one result
    const result = await store.record(key, { ref, summary }, look);
    await hold({ blobs, run: task.run, stage: task.stage, ref: result.ref });
    await hooks.onMetrics(lines);
    await series.discard({ token: task.fencingToken, keepEvery });
    return { ...result, cached: false };
  } catch (error) {
    // the next attempt goes on from what is under way; where it cannot be saved, a stage that was asked to stop has not done so at a checkpoint
    const unsaved = await saving?.settled().then(() => undefined, (fault: unknown) => ({ fault }));
    const stopped = error instanceof BlissError && error.code === 'Stopped';
    throw asBlissError(stopped && unsaved !== undefined ? unsaved.fault : error, task.stage);
  } finally {
    stretch.end();
    await saving?.close();
    await Promise.all(feeders.map((feeder) => feeder.close()));
    await scratch.remove();
  }
}

const metricLines = async (artifact: Artifact): Promise<string[]> => (await readFile(await artifact.file(METRICS_FILE), 'utf8')).split('\n').filter((line) => line !== '');

/** Names long stretches without steps, so that a stage that reads or writes for minutes does not pass for a hung one. */
function longStretches({ onPhase }: Pick<StageHooks, 'onPhase'>): { begin(what: string): void; end(): void } {
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => clearTimeout(timer);
  const sayAfter = (what: string, ms: number): void => {
    timer = setTimeout(() => {
      void onPhase(what).catch(() => undefined); // nobody hears: the stage itself fails at its next step
      sayAfter(what, SAID_AGAIN_MS);
    }, ms);
  };
  return {
    begin: (what) => {
      end();
      sayAfter(what, SAID_AFTER_MS);
    },
    end,
  };
}

/** Ends a stage at its checkpoint when it was asked to stop. */
export function throwIfStopped(context: StageContext): void {
  const reason = context.stopReason();
  if (reason !== undefined) throw new BlissError({ code: 'Stopped', message: `stopped after a checkpoint: ${reason}` });
}
