import path from 'node:path';
import { BlissError } from '../../errors.js';
import type { Document } from '../types.js';
import { readDocuments } from './documents.js';
import { resolveFiles, sha256OfFile, type FileFormat } from './files.js';
import type { CorpusSource } from './types.js';

export interface FileSource {
  readonly name: string;
  readonly paths: readonly string[];
  readonly format: FileFormat | 'auto';
  readonly textColumn: string;
  readonly idColumn?: string | undefined;
  /** folder that relative paths start from */
  readonly folder: string;
  /** field of the configuration, for errors */
  readonly field: string;
}

/** The user's own files as one source. Files are looked up when it is read. */
export function fileSource({ name, paths, format, textColumn, idColumn, folder, field }: FileSource): CorpusSource {
  let read = 0;
  let size = 0;
  const resolve = () => resolveFiles({ paths, format, folder, field });
  return {
    name,
    share: undefined,
    inputs: async () => {
      const files = await resolve();
      const inputs = [];
      for (const file of files) inputs.push({ name: path.relative(folder, file.path), sha256: await sha256OfFile(file.path) });
      return inputs;
    },
    progress: () => (size === 0 ? undefined : Math.min(1, read / size)),
    documents: async function* (): AsyncIterable<Document> {
      const files = await resolve();
      read = 0;
      size = files.reduce((sum, file) => sum + file.size, 0);
      let documents = 0;
      const onBytes = (bytes: number): void => {
        read += bytes;
      };
      for (const file of files) {
        for await (const { at, id, text } of readDocuments({ file, textColumn, idColumn, onBytes })) {
          documents++;
          yield { id: id ?? path.relative(folder, at), source: name, text };
        }
      }
      if (documents === 0) {
        throw new BlissError({
          code: 'DataInvalid',
          where: field,
          message: `there is no text in ${files.length === 1 ? files[0].path : `any of the ${files.length} files`}`,
          mend: 'check the files and textColumn',
        });
      }
    },
  };
}
