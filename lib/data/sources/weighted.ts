import { hash32 } from '../../random.js';
import type { CorpusDocument } from '../types.js';
import type { CorpusSource, PlacedSource } from './types.js';

/**
 * A source whose documents come `weight` times: ⌊weight⌋ times each, the source read again for every time, and once more those of a uniform
 * sample of the rest's size, a pure function of seed, source and the document's place. The second time a document's id ends in `#2`, and so on.
 */
export function weightedSource<D extends CorpusDocument>({ source, weight, seed }: { readonly source: PlacedSource<D>; readonly weight: number; readonly seed: string }): CorpusSource<D> {
  const whole = Math.floor(weight);
  const rest = weight - whole;
  const passes = whole + (rest > 0 ? 1 : 0);
  let pass = 0;
  return {
    ...source,
    progress: () => {
      const within = source.progress();
      return within === undefined ? undefined : (pass + within) / passes;
    },
    documents: async function* (vocabulary): AsyncIterable<D> {
      for (pass = 0; pass < passes; pass++) {
        for await (const { place, document } of source.placed(vocabulary)) {
          if (pass >= whole && hash32(`${seed}/weight/${source.name}/${place}`) / 2 ** 32 >= rest) continue;
          yield pass === 0 ? document : { ...document, id: `${document.id}#${pass + 1}` };
        }
      }
      pass = passes - 1;
    },
  };
}
