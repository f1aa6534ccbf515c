import type { RunConfig } from './fields.js';

type Source = RunConfig['data']['sources'][number];
/** Corpora that are made from installed packages; each stands alone. */
export type MadeSource = Extract<Source, { readonly mixture: unknown }>;
export type MadeCorpus = MadeSource['type'];

export const isMade = (source: Source): source is MadeSource => 'mixture' in source;
export const isMadeCorpus = (type: RunConfig['heldOut']['source']['type']): type is MadeCorpus => type !== 'files';

/** The source that its held-out text is of, as rows name it. */
export const WANTED: Readonly<Record<MadeCorpus, string>> = { demo: 'books', archive: 'speeches' };

/** Names of a corpus's sources, as rows carry them. */
export const sourceNames = (sources: readonly Source[]): string[] => sources.flatMap((source) => (isMade(source) ? Object.keys(source.mixture) : [source.name]));
