import { BlissError } from '../../errors.js';
import type { Document, TokenDocument, Vocabulary } from '../types.js';
import { readDocuments } from './documents.js';
import { resolveFiles, sha256OfFile, type InputFile } from './files.js';
import { TEXT_FORMATS, TOKEN_FORMATS, type FileFormat } from './formats.js';
import { withFilesBeside } from './token-bin.js';
import { readTokens, type ReadTokens } from './token-documents.js';
import type { Placed, PlacedSource, SourceInput } from './types.js';

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

/** The user's own texts as one source. Files are looked up when it is first read. */
export function fileSource({ textColumn, ...files }: FileSource): PlacedSource<Document> {
  return sourceOf<Document>({
    files,
    allowed: TEXT_FORMATS,
    empty: ['text', 'check the files and textColumn'],
    read: async function* ({ file, onBytes }) {
      for await (const { at, id, text } of readDocuments({ file, textColumn, idColumn: files.idColumn, onBytes })) yield placed({ file, at, id, source: files.name }, { text });
    },
  });
}

/** Tokenised files as one source: Parquet or JSON lines with lists of ids, or .bin. Read without a vocabulary it throws ConfigInvalid. */
export function tokenSource({ idsColumn, dtype, endOfText, ...files }: TokenSource): PlacedSource<TokenDocument> {
  return sourceOf<TokenDocument>({
    files,
    allowed: TOKEN_FORMATS,
    empty: ['token id', 'check the files and idsColumn'],
    read: async function* ({ file, onBytes, vocabulary }) {
      if (vocabulary === undefined) throw new BlissError({ code: 'ConfigInvalid', where: 'tokenizer.type', message: `the source ${files.name} is tokenised already: there is no text to train a tokenizer on`, fix: 'give the tokenizer that made its ids: { type: file, path: tokenizer.json }' });
      const documents = readTokens({ file, idsColumn, idColumn: files.idColumn, dtype, endOfText, vocabulary, onBytes });
      for await (const { at, id, tokens } of documents) yield placed({ file, at, id, source: files.name }, { tokens });
    },
  });
}

interface FoundAt {
  readonly file: InputFile;
  /** the file's path, with the place in it */
  readonly at: string;
  /** the corpus's own */
  readonly id: string | undefined;
  readonly source: string;
}

function placed<Content extends object>({ file, at, id, source }: FoundAt, content: Content): Placed<Content & Pick<Document, 'id' | 'source'>> {
  const place = `${file.name}${at.slice(file.path.length)}`;
  return { place, document: { id: id ?? place, source, ...content } };
}

/** Small files are waited for more than they are read; more would tear large ones on a disk apart. */
const READ_AT_ONCE = 4;

interface SourceOf<D> {
  readonly files: Files;
  readonly allowed: readonly FileFormat[];
  /** what there is none of, and the fix */
  readonly empty: readonly [string, string];
  readonly read: (params: { readonly file: InputFile; readonly onBytes: (bytes: number) => void; readonly vocabulary: Vocabulary | undefined }) => AsyncIterable<Placed<D>>;
}

function sourceOf<D extends Document | TokenDocument>({ files: { name, paths, format, split, folder, field }, allowed, empty, read: readFile }: SourceOf<D>): PlacedSource<D> {
  let read = 0;
  let size = 0;
  let resolved: Promise<readonly InputFile[]> | undefined;
  // once, however often it is read: of a hundred thousand files that takes seconds, and another list in the middle would be another corpus
  const resolve = () => (resolved ??= resolveFiles({ paths, format, folder, field, allowed, folders: { split } }));
  const documentsWithPlaces = async function* (vocabulary?: Vocabulary): AsyncIterable<Placed<D>> {
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
      throw new BlissError({ code: 'DataInvalid', where: field, message: `there is no ${empty[0]} in ${files.length === 1 ? files[0].path : `any of the ${files.length} files`}`, fix: empty[1] });
    }
  };
  return {
    name,
    share: undefined,
    find: async () => void (await resolve()),
    inputs: async (onFile) => {
      const files = await withFilesBeside(await resolve());
      const inputs: SourceInput[] = [];
      for (let at = 0; at < files.length; at += READ_AT_ONCE) {
        const some = files.slice(at, at + READ_AT_ONCE).map(async ({ name: file, path }) => ({ name: file, sha256: await sha256OfFile(path) }));
        inputs.push(...(await Promise.all(some)));
        await onFile?.((at + some.length) / files.length);
      }
      return inputs;
    },
    progress: () => (size === 0 ? undefined : Math.min(1, read / size)),
    placed: documentsWithPlaces,
    documents: async function* (vocabulary): AsyncIterable<D> {
      for await (const { document } of documentsWithPlaces(vocabulary)) yield document;
    },
  };
}
