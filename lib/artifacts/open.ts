import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { BlissError } from '../errors.js';
import { checkContent, corrupt } from './check-content.js';
import { sha256 } from './digests.js';
import { MANIFEST, readBlob } from './publish.js';
import type { Artifact, Blobs, Manifest, ManifestFile, Ref } from './types.js';

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const manifestSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.string(),
  files: z.array(z.object({ name: z.string(), size: z.number().int().min(0), sha256: hex })),
  digest: z.string(),
  lineage: z.object({
    stage: z.string(),
    stageVersion: z.number(),
    codeVersion: z.string(),
    key: z.string().optional(),
    inputs: z.record(z.string(), z.object({ sha256: z.string(), digest: z.string() })),
  }),
  summary: z.record(z.string(), z.unknown()),
});

/** A key of the store's Blobs from `store:<key>`. */
export function keyOf(ref: Pick<Ref, 'uri'>): string {
  if (ref.uri.startsWith('store:') && ref.uri.endsWith(`/${MANIFEST}`)) return ref.uri.slice('store:'.length);
  throw new BlissError({ code: 'DataInvalid', message: 'is no reference into the store', where: ref.uri, fix: `give store:<folder>/${MANIFEST}` });
}

/**
 * The manifest behind a reference, checked against its sha256.
 * @throws BlissError ArtifactMissing, DataCorrupt; DataInvalid where a newer version wrote it
 */
export async function readManifest(blobs: Blobs, ref: Pick<Ref, 'uri' | 'sha256'>): Promise<Manifest> {
  const key = keyOf(ref);
  const bytes = await readBlob(blobs, key);
  if (sha256(bytes) !== ref.sha256) throw corrupt(key, `its sha256 is ${sha256(bytes)}, recorded was ${ref.sha256}`);
  const parsed = manifestSchema.safeParse(JSON.parse(bytes.toString('utf8')));
  if (!parsed.success) {
    throw new BlissError({ code: 'DataInvalid', message: `this version cannot read the manifest (${z.prettifyError(parsed.error)})`, where: key, fix: 'use the version of bliss that wrote it, or run the stage again' });
  }
  return parsed.data;
}

export async function openArtifact({ blobs, ref, verified }: {
  readonly blobs: Blobs;
  readonly ref: Ref;
  /** files already checked in this process, by key and sha256; shared by the artifacts of one store */
  readonly verified: Map<string, Promise<string>>;
}): Promise<Artifact> {
  const manifest = await readManifest(blobs, ref);
  // keys are made of a reference's digest, results of the artifact's files; where only the place is known there is none
  if (ref.digest !== '' && manifest.digest !== ref.digest) throw new BlissError({ code: 'DataCorrupt', message: `the artifact's digest is ${manifest.digest}, the reference to it says ${ref.digest}`, where: ref.uri, fix: 'start the run again: stages whose results are mixed up are computed again' });
  const folder = keyOf(ref).slice(0, -MANIFEST.length);
  const entryOf = (name: string): ManifestFile => {
    const entry = manifest.files.find((candidate) => candidate.name === name);
    if (entry !== undefined) return entry;
    const names = manifest.files.map((candidate) => candidate.name).join(', ');
    throw new BlissError({ code: 'ArtifactMissing', message: `the artifact has no file ${name}, only ${names}`, where: ref.uri, fix: 'run the stage that makes it again' });
  };
  const idOf = ({ name, sha256: content }: ManifestFile): string => `${folder}${name} ${content}`;
  const pathOf = (entry: ManifestFile): Promise<string> => wholeFile(blobs, folder + entry.name, entry);
  return {
    ref,
    manifest,
    file: async (name) => {
      const entry = entryOf(name);
      const file = await pathOf(entry); // each time: a trainer lives for days
      const id = idOf(entry);
      const known = verified.get(id);
      if (known !== undefined) return known;
      const checking = checkContent(file, entry).then(() => file);
      verified.set(id, checking);
      checking.catch(() => verified.delete(id)); // a file fixed later is looked at again
      return checking;
    },
    local: async (name) => {
      const entry = entryOf(name);
      const file = await pathOf(entry);
      const id = idOf(entry);
      return { path: file, size: entry.size, sha256: entry.sha256, isChecked: verified.has(id), checked: () => void verified.set(id, Promise.resolve(file)) };
    },
  };
}

/** Its path, where it is there and of its size. @throws BlissError DataCorrupt naming the file and the fix */
async function wholeFile(blobs: Blobs, key: string, expected: ManifestFile): Promise<string> {
  const file = await blobs.localFile(key).catch((error: unknown) => {
    throw error instanceof BlissError && error.code === 'ArtifactMissing' ? corrupt(key, 'its artifact lists it, and it is gone') : error;
  });
  const { size } = await stat(file);
  if (size !== expected.size) throw corrupt(file, `it has ${size} bytes, recorded were ${expected.size}`);
  return file;
}
