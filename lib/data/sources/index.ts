import type { RunConfig } from '../../../config/schema.js';
import { BlissError } from '../../errors.js';
import { demoHeldOut, demoSources } from '../demo/index.js';
import { fileSource } from './file-source.js';
import type { CorpusSource } from './types.js';

export type { CorpusSource, SourceInput } from './types.js';
export { resolveFiles, sha256OfFile, type InputFile } from './files.js';
export { readRecords, type FileRecord } from './records.js';

/** The sources of the configuration. Files are looked up when they are read. @throws BlissError ConfigInvalid */
export function openSources(data: Pick<RunConfig['data'], 'sources'>, configFolder: string, seed = ''): CorpusSource[] {
  const demo = data.sources.find((source) => source.type === 'demo');
  if (demo !== undefined) {
    if (data.sources.length > 1) throw new BlissError({ code: 'ConfigInvalid', where: 'data.sources', message: 'the demo corpus stands alone', mend: 'remove the other sources or the demo' });
    const { mixture } = demo;
    if (Object.values(mixture).every((share) => share === 0)) {
      throw new BlissError({ code: 'ConfigInvalid', where: 'data.sources[0].mixture', message: 'all shares are 0', mend: 'give at least one source a share' });
    }
    return demoSources({ mixture, seed });
  }
  const names = new Set<string>();
  return data.sources.flatMap((source, i) => {
    if (source.type === 'demo') return [];
    if (names.has(source.name)) {
      throw new BlissError({ code: 'ConfigInvalid', where: `data.sources[${i}].name`, message: `two sources are called ${source.name}`, mend: 'give each source a name of its own' });
    }
    names.add(source.name);
    return [fileSource({ ...source, folder: configFolder, field: `data.sources[${i}].paths` })];
  });
}

/** The documents that validation, tuning and test sets are made of. */
export function openHeldOut({ source }: RunConfig['heldOut'], configFolder: string): CorpusSource {
  if (source.type === 'demo') return demoHeldOut();
  return fileSource({ ...source, name: 'held-out', folder: configFolder, field: 'heldOut.source.paths' });
}
