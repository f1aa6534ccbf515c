import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { sha256File, type Store } from '../../artifacts/index.js';
import type { Ref } from '../../artifacts/types.js';
import { packageVersion } from '../../package-root.js';
import { lineageOf } from './lineage.js';
import type { FinishedStage } from '../types.js';

/** A file of an export by its name within the folder; rows where it is a table. */
export interface ExportedFile {
  readonly name: string;
  readonly rows?: number;
}

export interface WriteExportManifest {
  readonly folder: string;
  readonly store: Store;
  readonly what: 'dataset' | 'scores' | 'model';
  /** what it is of: JSON */
  readonly of: Readonly<Record<string, unknown>>;
  /** artifacts that it was written from */
  readonly from: readonly Ref[];
  /** all that the run has finished: the lineage is found among them */
  readonly stages: readonly FinishedStage[];
  readonly files: readonly ExportedFile[];
}

/** `manifest.json` of an export: what it is, all that it was made by, and the sha256 of each of its files. Nothing of the clock. */
export async function writeExportManifest({ folder, store, what, of, from, stages, files }: WriteExportManifest): Promise<void> {
  const described: unknown[] = [];
  for (const { name, ...rows } of files) {
    const file = path.join(folder, name);
    described.push({ name, bytes: (await stat(file)).size, sha256: await sha256File(file), ...rows });
  }
  const manifest = { schemaVersion: 1, what, ...of, codeVersion: packageVersion(), lineage: await lineageOf({ store, refs: from, stages }), files: described };
  await writeFile(path.join(folder, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}
