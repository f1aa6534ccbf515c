import type { RunConfig } from '../../../config/schema.js';
import { isMade, type MadeSource } from '../../../config/made-corpora.js';
import { BlissError } from '../../errors.js';
import { archiveHeldOut, archiveSources } from '../archive/index.js';
import { demoHeldOut, demoSources } from '../demo/index.js';
import type { Document } from '../types.js';
import { fileSource, tokenSource } from './file-source.js';
import { resolveFiles } from './files.js';
import { TEXT_FORMATS, TOKEN_FORMATS } from './formats.js';
import { requireReadable } from './readable.js';
import type { CorpusSource, PlacedSource } from './types.js';
import { weightedSource } from './weighted.js';

export type { CorpusSource, SourceInput } from './types.js';
export { resolveFiles, sha256OfFile, type InputFile } from './files.js';
export { filesBelow } from './folder-files.js';
export { formatByEnding } from './formats.js';
export { readRecords, type FileRecord } from './records.js';
export { requireReadable } from './readable.js';

/** The sources of the configuration. Files are looked up when they are read. @throws BlissError ConfigInvalid */
export function openSources(data: Pick<RunConfig['data'], 'sources'>, configFolder: string, seed = ''): CorpusSource[] {
  const made = data.sources.find(isMade);
  if (made !== undefined) {
    const { type, mixture } = made;
    if (data.sources.length > 1) throw new BlissError({ code: 'ConfigInvalid', where: 'data.sources', message: `the ${type} corpus stands alone`, fix: `remove the other sources or the ${type}` });
    if (Object.values(mixture).every((share) => share === 0)) {
      throw new BlissError({ code: 'ConfigInvalid', where: 'data.sources[0].mixture', message: 'all shares are 0', fix: 'give at least one source a share' });
    }
    return made.type === 'demo' ? demoSources({ mixture: made.mixture, seed }) : archiveSources({ mixture: made.mixture, seed });
  }
  const names = new Set<string>();
  return data.sources.flatMap((source, i) => {
    if (isMade(source)) return [];
    if (names.has(source.name)) {
      throw new BlissError({ code: 'ConfigInvalid', where: `data.sources[${i}].name`, message: `two sources are called ${source.name}`, fix: 'give each source a name of its own' });
    }
    names.add(source.name);
    const opened = openFiles(source, configFolder, `data.sources[${i}].paths`);
    return [source.weight === undefined ? opened : weightedSource({ source: opened, weight: source.weight, seed })];
  });
}

type FileSourceConfig = Exclude<RunConfig['data']['sources'][number], MadeSource>;

function openFiles(source: FileSourceConfig, folder: string, field: string): PlacedSource {
  return source.type === 'files' ? fileSource({ ...source, folder, field }) : tokenSource({ ...source, folder, field });
}

/** The documents that validation, tuning and test sets are made of. */
export function openHeldOut({ source }: RunConfig['heldOut'], configFolder: string): CorpusSource<Document> {
  if (source.type === 'demo') return demoHeldOut();
  if (source.type === 'archive') return archiveHeldOut();
  return fileSource({ ...source, name: 'held-out', folder: configFolder, field: 'heldOut.source.paths' });
}

/** Every file that the configuration names is there, may be read, and is what it is called: without reading them. @throws BlissError DataInvalid */
export async function checkSourceFiles({ data, heldOut, configFolder: folder }: { readonly data: Pick<RunConfig['data'], 'sources'>; readonly heldOut: RunConfig['heldOut']; readonly configFolder: string }): Promise<void> {
  for (const [i, source] of data.sources.entries()) {
    if (isMade(source)) continue;
    const { paths, format, split } = source;
    requireReadable(await resolveFiles({ paths, format, folder, field: `data.sources[${i}].paths`, allowed: source.type === 'files' ? TEXT_FORMATS : TOKEN_FORMATS, folders: { split } }));
  }
  if (heldOut.source.type === 'files') {
    const { paths, format, split } = heldOut.source;
    requireReadable(await resolveFiles({ paths, format, folder, field: 'heldOut.source.paths', folders: { split } }));
  }
}
