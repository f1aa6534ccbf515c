import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { BlissError } from '../errors.js';
import { canonicalJson } from './canonical-json.js';
import { digestJson, sha256, sha256File } from './digests.js';
import type { BlobContent, Blobs, Lineage, Manifest, ManifestFile, Ref } from './types.js';

export const MANIFEST = 'manifest.json';

export interface PublishInput {
  /** 'corpus' | 'state' | 'scorer' | 'scores' | 'selection' | 'evaluation' | … */
  readonly kind: string;
  /** local folder; all its files become the artifact's, under their relative names. Left as it is. */
  readonly folder: string;
  /** nobody writes to those files any more: they may become the store's instead of being copied. @default false */
  readonly given?: boolean;
  /** what the folder holds, where its writer has hashed it on the way. @default its files are read */
  readonly files?: readonly ManifestFile[];
  /** digest of the canonical content, hex */
  readonly digest: string;
  readonly lineage: Omit<Lineage, 'codeVersion'> & { readonly codeVersion?: string };
  /** small facts for people and reports; nothing of the clock */
  readonly summary: Readonly<Record<string, unknown>>;
}

/**
 * Puts an artifact at `<parent>/<sha256 of its manifest>/`, files first and the manifest last: what has a manifest is whole.
 * Doing it again is free of effect, and fixes files that a killed writer or a bad disk left wrong.
 */
export async function publishUnder({ blobs, parent, input, codeVersion }: {
  readonly blobs: Blobs;
  readonly parent: string;
  /** without a digest the files' bytes are the content */
  readonly input: Omit<PublishInput, 'digest'> & { readonly digest?: string };
  readonly codeVersion: string;
}): Promise<Ref> {
  const files = input.files === undefined ? await describeFolder(input.folder) : inOrder(input.files);
  const { stage, stageVersion, inputs, key } = input.lineage;
  const manifest: Manifest = {
    schemaVersion: 1,
    kind: input.kind,
    files,
    digest: input.digest ?? digestJson(files),
    lineage: { stage, stageVersion, inputs, codeVersion: input.lineage.codeVersion ?? codeVersion, ...(key === undefined ? {} : { key }) },
    summary: input.summary,
  };
  const bytes = Buffer.from(canonicalJson(manifest), 'utf8');
  const id = sha256(bytes);
  const root = `${parent}/${id}`;
  for (const { name, sha256: expected } of files) {
    const file = path.join(input.folder, ...name.split('/'));
    await putExact({ blobs, key: `${root}/${name}`, content: { file, ...(input.given === undefined ? {} : { given: input.given }) }, expected });
  }
  await putExact({ blobs, key: `${root}/${MANIFEST}`, content: bytes, expected: id });
  return refTo({ parent, id, manifest });
}

export const refTo = ({ parent, id, manifest }: { readonly parent: string; readonly id: string; readonly manifest: Manifest }): Ref => ({
  uri: `store:${parent}/${id}/${MANIFEST}`,
  sha256: id,
  size: manifest.files.reduce((sum, file) => sum + file.size, 0),
  digest: manifest.digest,
});

/** What is there already under this key is the same by construction, unless the disk changed it: then it is put again. */
async function putExact({ blobs, key, content, expected }: { blobs: Blobs; key: string; content: BlobContent; expected: string }): Promise<void> {
  if (await blobs.putIfAbsent(key, content)) return;
  if ((await sha256File(await blobs.localFile(key))) === expected) return;
  await blobs.delete(key);
  await blobs.putIfAbsent(key, content);
}

async function describeFolder(folder: string): Promise<ManifestFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: ManifestFile[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(folder, file).split(path.sep).join('/');
    if (!entry.isFile() || name === MANIFEST) {
      throw new BlissError({ code: 'DataInvalid', message: entry.isFile() ? `an artifact writes its own ${MANIFEST}` : 'only plain files make an artifact', where: file, fix: 'leave it out of the folder' });
    }
    files.push({ name, size: (await stat(file)).size, sha256: await sha256File(file) });
  }
  return inOrder(files);
}

const inOrder = (files: readonly ManifestFile[]): ManifestFile[] => files.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** The whole of a small blob. */
export async function readBlob(blobs: Blobs, key: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(await blobs.localFile(key))) chunks.push(chunk as Buffer); // a stream without encoding yields Buffers
  return Buffer.concat(chunks);
}
