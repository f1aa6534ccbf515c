import { BlissError } from '../errors.js';
import { canonicalJson } from './canonical-json.js';
import { MANIFEST, publishUnder, readBlob, type PublishInput } from './publish.js';
import { keyOf, openArtifact, readManifest } from './open.js';
import { notWhatItSays, type Origin } from './held-note.js';
import type { Artifact, Blobs, Manifest, Ref } from './types.js';

/** What a finished stage gave: small JSON with references somewhere within. */
export type StageOutputs = Readonly<Record<string, unknown>>;

/** Artifacts by digest, and the cache of finished stages, on any Blobs. */
export interface Store {
  readonly blobs: Blobs;
  /** what `publish` writes into a lineage that names no version of the code itself */
  readonly codeVersion: string;
  /** Idempotent and atomic: the same folder, digest, lineage and summary give the same reference. @throws BlissError DiskFull, DataInvalid */
  publish(input: PublishInput): Promise<Ref>;
  /** @throws BlissError ArtifactMissing, DataCorrupt */
  open(ref: Ref): Promise<Artifact>;
  /** Notes what a finished stage gave. The first note stands. @returns the outputs that stand, which every worker goes on with */
  record<T extends object>(stageKey: string, outputs: T, look?: Look): Promise<T>;
  /** Outputs of a finished stage. A note whose artifacts are gone, cut short or another stage's is dropped, so that the stage is computed again. */
  find(stageKey: string, look?: Look): Promise<StageOutputs | undefined>;
}

/** How a note is looked at. */
export interface Look {
  /** what artifacts of earlier versions, which do not name their key, are held against. @default nothing */
  readonly origin?: Origin;
  /** hears of a note that is dropped, and why */
  readonly onDropped?: (why: string) => void;
}

export interface StoreOptions {
  readonly blobs: Blobs;
  /** version of the code, part of every lineage. @default 'unknown' */
  readonly codeVersion?: string;
}

const ARTIFACTS = 'artifacts';

export function openStore({ blobs, codeVersion = 'unknown' }: StoreOptions): Store {
  const verified = new Map<string, Promise<string>>();

  async function find(stageKey: string, { origin, onDropped = () => undefined }: Look = {}): Promise<StageOutputs | undefined> {
    const key = noteOf(stageKey);
    const bytes = await readBlob(blobs, key).catch((error: unknown) => absentAs(error, undefined));
    if (bytes === undefined) return undefined;
    const outputs = parseOutputs(bytes);
    const fault = outputs === undefined ? 'the note cannot be read' : await faultOf({ blobs, key: stageKey, origin, outputs });
    if (fault === undefined) return outputs;
    onDropped(fault);
    await blobs.delete(key);
    return undefined;
  }

  async function record<T extends object>(stageKey: string, outputs: T, look: Look = {}): Promise<T> {
    for (;;) {
      if (await blobs.putIfAbsent(noteOf(stageKey), Buffer.from(canonicalJson(outputs), 'utf8'))) return outputs;
      const standing = await find(stageKey, look);
      if (standing !== undefined) return standing as T; // noted under the same key, hence by the same stage
    }
  }

  return {
    blobs,
    codeVersion,
    publish: (input) => publishUnder({ blobs, parent: ARTIFACTS, input, codeVersion }),
    open: (ref) => openArtifact({ blobs, ref, verified }),
    record,
    find,
  };
}

const noteOf = (stageKey: string): string => `stages/${stageKey}.json`;

function parseOutputs(bytes: Buffer): StageOutputs | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // a note the disk changed: worth no more than one that is not there
  }
}

/** Every reference within a JSON value. */
function references(value: unknown): Ref[] {
  if (typeof value !== 'object' || value === null) return [];
  if (isRef(value)) return [value];
  return Object.values(value).flatMap(references);
}

const isRef = (value: object): value is Ref =>
  'uri' in value && typeof value.uri === 'string' && value.uri.startsWith('store:') && 'sha256' in value && typeof value.sha256 === 'string';

interface HeldOutputs {
  readonly blobs: Blobs;
  readonly key: string;
  readonly origin: Origin | undefined;
  readonly outputs: StageOutputs;
}

/** Why a note's artifacts are not those that its stage made, whole; contents are checked when a file is opened. */
async function faultOf({ blobs, key, origin, outputs }: HeldOutputs): Promise<string | undefined> {
  for (const ref of references(outputs)) {
    const manifest = await wholeManifest(blobs, ref);
    if (manifest === undefined) return `${ref.uri} is gone or cut short`;
    const summary = outputs['ref'] === ref ? outputs['summary'] : undefined;
    const fault = notWhatItSays({ key, origin, ref, manifest, summary });
    if (fault !== undefined) return `${ref.uri}: ${fault}`;
  }
  return undefined;
}

/** The manifest where it is right and every file has its size. */
async function wholeManifest(blobs: Blobs, ref: Ref): Promise<Manifest | undefined> {
  try {
    const manifest = await readManifest(blobs, ref);
    const folder = keyOf(ref).slice(0, -MANIFEST.length);
    const sizes = new Map((await blobs.list(folder)).map(({ key, size }) => [key, size]));
    return manifest.files.every(({ name, size }) => sizes.get(folder + name) === size) ? manifest : undefined;
  } catch (error) {
    if (error instanceof BlissError && (error.code === 'ArtifactMissing' || error.code === 'DataCorrupt' || error.code === 'DataInvalid')) return undefined;
    throw error;
  }
}

export function absentAs<T>(error: unknown, value: T): T {
  if (error instanceof BlissError && error.code === 'ArtifactMissing') return value;
  throw error;
}
