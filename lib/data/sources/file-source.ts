import { BlissError } from '../../errors.js';
import type { Document, TokenDocument, Vocabulary } from '../types.js';
import { readDocuments } from './documents.js';
import { resolveFiles, sha256OfFile, type InputFile } from './files.js';
import { TEXT_FORMATS, TOKEN_FORMATS, type FileFormat } from './formats.js';
import { readTokens, type ReadTokens } from './token-documents.js';
import type { CorpusSource } from './types.js';

interface Files {
  readonly name: string;
  /** files, globs, folders */
  readonly paths: readonly string[];
  readonly format: FileFormat | 'auto';
  readonly split?: string | undefined;
  readonly idColumn?: string | undefined;
  /** folder that relative paths start from */
  readonly folder: string;
  /** field of the configuration, for errors */
  readonly field: string;
}
export interface FileSource extends Files {
  readonly textColumn: string;
}
export interface TokenSource extends Files, Pick<ReadTokens, 'idsColumn' | 'dtype' | 'endOfText'> {}

/** The user's own texts as one source. Files are looked up when it is read. */
export function fileSource({ textColumn, ...files }: FileSource): CorpusSource<Document> {
  return sourceOf<Document>({
    files,
    allowed: TEXT_FORMATS,
    empty: ['text', 'check the files and textColumn'],
    read: async function* ({ file, onBytes }) {
      for await (const { at, id, text } of readDocuments({ file, textColumn, idColumn: files.idColumn, onBytes })) yield documentOf({ file, at, id, source: files.name }, { text });
    },
  });
}

/** Tokenised files as one source: Parquet or JSON lines with lists of ids, or .bin. Read without a vocabulary it throws ConfigInvalid. */
export function tokenSource({ idsColumn, dtype, endOfText, ...files }: TokenSource): CorpusSource<TokenDocument> {
  return sourceOf<TokenDocument>({
    files,
    allowed: TOKEN_FORMATS,
    empty: ['token id', 'check the files and idsColumn'],
    read: async function* ({ file, onBytes, vocabulary }) {
      if (vocabulary === undefined) throw new BlissError({ code: 'ConfigInvalid', where: 'tokenizer.type', message: `the source ${files.name} is tokenised already: there is no text to train a tokenizer on`, mend: 'give the tokenizer that made its ids: { type: file, path: tokenizer.json }' });
      const documents = readTokens({ file, idsColumn, idColumn: files.idColumn, dtype, endOfText, vocabulary, onBytes });
      for await (const { at, id, tokens } of documents) yield documentOf({ file, at, id, source: files.name }, { tokens });
    },
  });
}

/** @param at the file's path, with the place in it */
function documentOf<Content extends object>({ file, at, id, source }: { readonly file: InputFile; readonly at: string; readonly id: string | undefined; readonly source: string }, content: Content): Content & Pick<Document, 'id' | 'place' | 'source'> {
  const place = `${file.name}${at.slice(file.path.length)}`;
  return { ...(id === undefined ? { id: place } : { id, place }), source, ...content };
}

interface SourceOf<D> {
  readonly files: Files;
  readonly allowed: readonly FileFormat[];
  /** what there is none of, and the mend */
  readonly empty: readonly [string, string];
  readonly read: (params: { readonly file: InputFile; readonly onBytes: (bytes: number) => void; readonly vocabulary: Vocabulary | undefined }) => AsyncIterable<D>;
}

function sourceOf<D extends Document | TokenDocument>({ files: { name, paths, format, split, folder, field }, allowed, empty, read: readFile }: SourceOf<D>): CorpusSource<D> {
  let read = 0;
  let size = 0;
  const resolve = () => resolveFiles({ paths, format, folder, field, allowed, folders: { split } });
  return {
    name,
    share: undefined,
    inputs: async () => {
      const files = await resolve();
      const inputs = [];
      for (const file of files) inputs.push({ name: file.name, sha256: await sha256OfFile(file.path) });
      return inputs;
    },
    progress: () => (size === 0 ? undefined : Math.min(1, read / size)),
    documents: async function* (vocabulary): AsyncIterable<D> {
      const files = await resolve();
      read = 0;
      size = files.reduce((sum, file) => sum + file.size, 0);
      let documents = 0;
      const onBytes = (bytes: number): void => {
        read += bytes;
      };
      for (const file of files) {
        for await (const document of readFile({ file, onBytes, vocabulary })) {
          documents++;
          yield document;
        }
      }
      if (documents === 0) {
        throw new BlissError({ code: 'DataInvalid', where: field, message: `there is no ${empty[0]} in ${files.length === 1 ? files[0].path : `any of the ${files.length} files`}`, mend: empty[1] });
      }
    },
  };
}
