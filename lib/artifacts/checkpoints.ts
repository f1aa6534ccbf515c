import { z } from 'zod';
import { BlissError } from '../errors.js';
import { canonicalJson } from './canonical-json.js';
import { begunTokens, claimEpoch, compareTokens, fenced, parseToken, tokenName } from './fencing.js';
import { keyOf, openArtifact, readManifest } from './open.js';
import { MANIFEST, publishUnder, readBlob, refTo, type PublishInput } from './publish.js';
import { absentAs, type Store } from './store.js';
import type { Blobs, CheckpointRef, FencingToken } from './types.js';

/**
 * Checkpoints of one stage of one run, under fencing tokens.
 *
 *     fences/<run>/<stage>/epoch-000001             claimant
 *     fences/<run>/<stage>/begun-000001-000002      an attempt has begun; from here on lower tokens are overtaken
 *     fences/<run>/<stage>/base-000001-000002       the checkpoint it goes on from, fixed once
 *     checkpoints/<run>/<stage>/000001-000002/step-000000120/<sha256 of manifest>/…
 *
 * Which checkpoint an attempt goes on from: the newest of the latest attempt before it, or else that attempt's own base, and so down
 * the chain of bases. What an overtaken attempt wrote after its successor had fixed a base is not on the chain, hence ignored.
 * @see docs/design.md "Preemption"
 */
export interface Checkpoints {
  /** The next epoch, or the one this claimant has. @param claimant (workflow run, scheduling number) as text */
  claimEpoch(params: { readonly claimant: string }): Promise<number>;
  /**
   * Starts an attempt; again with the same token gives the same base.
   * @returns the checkpoint to go on from, all its files verified; undefined to start afresh. @throws BlissError Fenced
   */
  begin(params: { readonly token: FencingToken }): Promise<CheckpointRef | undefined>;
  /** @throws BlissError Fenced where a later attempt has begun, before or during the writing; DiskFull */
  save(params: SaveInput): Promise<CheckpointRef>;
  /** The newest of this attempt, or else what it went on from, and so down the chain; all its files verified. @returns undefined: the stage's start */
  newest(params: { readonly token: FencingToken }): Promise<CheckpointRef | undefined>;
  isCurrent(token: FencingToken): Promise<boolean>;
  /** Deletes all but the newest `keep` (≥ 1) on this attempt's chain, its base, and those on the chain that `keepEvery` asks for. @throws BlissError Fenced */
  prune(params: Discard & { readonly keep: number }): Promise<void>;
  /** Deletes the stage's checkpoints, as its outputs are published, but for those on the chain that `keepEvery` asks for. Fences stay. @throws BlissError Fenced */
  discard(params: Discard): Promise<void>;
  /** What `discard` would delete under the latest token, whichever stage key that went by: keys, manifests first. */
  discardable(params: Omit<Discard, 'token'>): Promise<readonly string[]>;
}

export interface Discard {
  readonly token: FencingToken;
  /** checkpoints whose step is a multiple of it stay, to be looked at. @default 0: none */
  readonly keepEvery?: number;
}

export interface SaveInput extends Pick<PublishInput, 'folder' | 'given' | 'files' | 'summary'> {
  /** of the canonical content. @default over the files' bytes */
  readonly digest?: string;
  readonly token: FencingToken;
  readonly step: number;
}

export interface CheckpointsOptions {
  readonly store: Store;
  /** @default the store's */
  readonly blobs?: Blobs;
  readonly run: string;
  /** `seed-0/bliss/round-1/bilevel` */
  readonly stage: string;
  /** the stage's key: attempts under another one (a run of the same name with another configuration) are passed over. @default '' */
  readonly key?: string;
  readonly lineage?: PublishInput['lineage'];
  /** hears of checkpoints that are torn or corrupt; the one before is used */
  readonly onSetAside?: (event: SetAside) => void;
}
export interface SetAside {
  /** key of its manifest */
  readonly checkpoint: string;
  readonly step: number;
  readonly fencingToken: FencingToken;
  readonly reason: string;
}

const STEP_WIDTH = 9;
const CHECKPOINT_KEY = /^(\d{6,}-\d{6,})\/step-(\d{9,})\/([0-9a-f]{64})\/manifest\.json$/;
const tokenSchema = z.strictObject({ epoch: z.number(), attempt: z.number() });
const baseSchema = z.strictObject({
  key: z.string(),
  base: z.strictObject({ ref: z.strictObject({ uri: z.string(), sha256: z.string(), size: z.number(), digest: z.string() }), step: z.number(), fencingToken: tokenSchema }).nullable(),
});

/** A manifest that was seen; whether the files are right is looked at only when it is wanted. */
interface Found {
  readonly key: string;
  readonly id: string;
  readonly step: number;
  readonly token: FencingToken;
}

export function checkpoints({ store, blobs = store.blobs, run, stage, key: stageKey = '', lineage = { stage, stageVersion: 1, inputs: {} }, onSetAside = () => undefined }: CheckpointsOptions): Checkpoints {
  const fences = `fences/${run}/${stage}/`;
  const root = `checkpoints/${run}/${stage}`;

  async function assertCurrent(token: FencingToken): Promise<void> {
    const [latest] = await begunTokens(blobs, fences);
    if (latest !== undefined && compareTokens(latest, token) > 0) throw fenced(token, latest, `${run}/${stage}`);
  }

  async function begin({ token }: { token: FencingToken }): Promise<CheckpointRef | undefined> {
    // The mark comes before the look: whatever was saved without being overtaken is seen.
    await blobs.putIfAbsent(`${fences}begun-${tokenName(token)}`, new Uint8Array());
    await assertCurrent(token);
    const fixed = await readBase(token);
    if (fixed !== undefined) return fixed.base ?? undefined;
    const base = await newestBefore(token);
    await blobs.putIfAbsent(baseKey(token), Buffer.from(canonicalJson({ key: stageKey, base: base ?? null }), 'utf8'));
    return (await readBase(token))?.base ?? undefined;
  }

  const baseKey = (token: FencingToken): string => `${fences}base-${tokenName(token)}`;

  async function readBase(token: FencingToken): Promise<z.infer<typeof baseSchema> | undefined> {
    const bytes = await readBlob(blobs, baseKey(token)).catch((error: unknown) => absentAs(error, undefined));
    return bytes === undefined ? undefined : baseSchema.parse(JSON.parse(bytes.toString('utf8')));
  }

  async function newestBefore(token: FencingToken): Promise<CheckpointRef | undefined> {
    const earlier = (await begunTokens(blobs, fences)).filter((other) => compareTokens(other, token) < 0);
    for (const other of earlier) {
      if ((await readBase(other))?.key !== stageKey) continue; // another key, or killed in begin: it has written nothing
      return newest({ token: other });
    }
    return undefined;
  }

  async function newest({ token }: { token: FencingToken }): Promise<CheckpointRef | undefined> {
    for (const found of await chain(token)) {
      const checkpoint = await verified(found);
      if (checkpoint !== undefined) return checkpoint;
    }
    return undefined;
  }

  /** Checkpoints that led to where `token` is, newest first: its own, its base, those its base came from. */
  async function chain(token: FencingToken): Promise<readonly Found[]> {
    const all = await complete();
    const found: Found[] = [];
    let at: FencingToken | undefined = token;
    let upTo = Infinity;
    while (at !== undefined) {
      const current: FencingToken = at;
      const limit: number = upTo;
      for (const one of all) if (compareTokens(one.token, current) === 0 && one.step <= limit) found.push(one);
      const base: CheckpointRef | null | undefined = (await readBase(current))?.base;
      at = base?.fencingToken;
      upTo = base?.step ?? Infinity;
    }
    return found;
  }

  /** Everything with a manifest, the newest step first within a token. */
  async function complete(): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const { key } of await blobs.list(`${root}/`)) {
      const match = CHECKPOINT_KEY.exec(key.slice(root.length + 1));
      const token = match === null ? undefined : parseToken(match[1]);
      if (match !== null && token !== undefined) found.push({ key, id: match[3], step: Number(match[2]), token });
    }
    return found.reverse();
  }

  /** Every file is read: an attempt must not start from what a bad disk changed. */
  async function verified({ key, id, step, token }: Found): Promise<CheckpointRef | undefined> {
    try {
      const manifest = await readManifest(blobs, { uri: `store:${key}`, sha256: id });
      const ref = refTo({ parent: parentOf(token, step), id, manifest });
      const artifact = await openArtifact({ blobs, ref, verified: new Map() });
      const { key: madeUnder = stageKey } = manifest.lineage; // earlier versions named none
      if (madeUnder !== stageKey) throw new BlissError({ code: 'CheckpointCorrupt', message: `it was made under another key, ${madeUnder}`, where: key });
      for (const { name } of manifest.files) await artifact.file(name);
      return { ref, step, fencingToken: token };
    } catch (error) {
      if (!(error instanceof BlissError)) throw error;
      onSetAside({ checkpoint: key, step, fencingToken: token, reason: error.message });
      return undefined;
    }
  }

  const parentOf = (token: FencingToken, step: number): string => `${root}/${tokenName(token)}/step-${String(step).padStart(STEP_WIDTH, '0')}`;

  async function save({ token, step, digest, ...input }: SaveInput): Promise<CheckpointRef> {
    if ((await readBase(token)) === undefined) throw new Error(`save before begin: epoch ${token.epoch} attempt ${token.attempt} of ${run}/${stage}`);
    await assertCurrent(token);
    const ref = await publishUnder({ blobs, parent: parentOf(token, step), input: { kind: 'checkpoint', lineage: { ...lineage, ...(stageKey === '' ? {} : { key: stageKey }) }, ...input, ...(digest === undefined ? {} : { digest }) }, codeVersion: store.codeVersion });
    await assertCurrent(token);
    return { ref, step, fencingToken: token };
  }

  async function isCurrent(token: FencingToken): Promise<boolean> {
    const [latest] = await begunTokens(blobs, fences);
    return latest === undefined || compareTokens(latest, token) <= 0;
  }

  async function prune({ token, keep, keepEvery = 0 }: Discard & { keep: number }): Promise<void> {
    if (!(keep >= 1)) throw new RangeError(`prune: keep ${keep}, the least is 1`);
    await assertCurrent(token);
    const line = await chain(token);
    const kept = line.filter(({ step }, newer) => newer < keep || isMultiple(step, keepEvery)).map(({ key }) => key);
    const base = (await readBase(token))?.base;
    if (base != null) kept.push(keyOf(base.ref));
    await remove(await allBut(token, kept));
  }

  async function discard({ token, keepEvery = 0 }: Discard): Promise<void> {
    await assertCurrent(token);
    await remove(await allBut(token, await multiples(token, keepEvery, ({ key }) => key === stageKey)));
  }

  async function discardable({ keepEvery = 0 }: Omit<Discard, 'token'>): Promise<readonly string[]> {
    const [latest] = await begunTokens(blobs, fences);
    return latest === undefined ? [] : allBut(latest, await multiples(latest, keepEvery, () => true));
  }

  /** Those that `keepEvery` asks for on the chain of the latest attempt of ours that has one: an attempt that found the stage finished has begun nothing. */
  async function multiples(token: FencingToken, keepEvery: number, isOurs: (base: z.infer<typeof baseSchema>) => boolean): Promise<readonly string[]> {
    if (keepEvery === 0) return [];
    for (const at of (await begunTokens(blobs, fences)).filter((one) => compareTokens(one, token) <= 0)) {
      const base = await readBase(at);
      if (base !== undefined && isOurs(base)) return (await chain(at)).filter(({ step }) => isMultiple(step, keepEvery)).map(({ key }) => key);
    }
    return [];
  }

  /** Keys under tokens up to this one but for the artifacts kept; manifests first, so that a reader never takes a part for the whole. */
  async function allBut(token: FencingToken, kept: readonly string[]): Promise<readonly string[]> {
    const folders = kept.map((key) => key.slice(0, -MANIFEST.length));
    const doomed = (await blobs.list(`${root}/`)).map(({ key }) => key).filter((key) => {
      const owner = parseToken(key.slice(root.length + 1).split('/')[0]);
      return owner !== undefined && compareTokens(owner, token) <= 0 && !folders.some((folder) => key.startsWith(folder));
    });
    const isManifest = (key: string): boolean => CHECKPOINT_KEY.test(key.slice(root.length + 1));
    return [...doomed.filter(isManifest), ...doomed.filter((key) => !isManifest(key))];
  }

  async function remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await blobs.delete(key);
  }

  return { claimEpoch: ({ claimant }) => claimEpoch({ blobs, folder: fences, claimant }), begin, save, newest, isCurrent, prune, discard, discardable };
}

const isMultiple = (step: number, of: number): boolean => of > 0 && step % of === 0;
