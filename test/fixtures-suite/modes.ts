import type { ProgramOptions } from '../../lib/tensor/index.js';
import { runnable, type Found } from './folder.js';

export type Mode = ProgramOptions['mode'];
export const everyMode: readonly Mode[] = ['eager', 'graph', 'xla'];

/** `npm run test:fixtures` asks for all modes, minutes on two cores; `npm test` asks for none and has what compiles in seconds. */
export const asked = process.env['BLISS_FIXTURES_MODES']?.split(',').map((name) => {
  const mode = everyMode.find((known) => known === name.trim());
  if (mode === undefined) throw new TypeError(`BLISS_FIXTURES_MODES: '${name}' is none of ${everyMode.join(', ')}`);
  return mode;
});

/** How a recording is run: where nothing is asked for, eagerly; the smallest of all under XLA too, and the smallest of each variant as a graph. */
export function modesOf(one: Found): readonly Mode[] {
  if (asked) return asked;
  if (isSmallest(one, runnable)) return ['eager', 'xla'];
  return isSmallestOfVariant(one) ? ['eager', 'graph'] : ['eager'];
}

const isSmallest = (one: Found, among: readonly Found[]): boolean => among.every((other) => sizeOf(other) >= sizeOf(one));
export const isSmallestOfVariant = (one: Found): boolean => isSmallest(one, runnable.filter(({ recording }) => recording.mode === one.recording.mode));

/** for what is small as it is */
export const modes = asked ?? everyMode;

/** about the nodes of a step's graph, then the work of one */
const sizeOf = ({ recording: { model, trainBatches } }: Found): number => model.layers * 1e6 + model.width * model.vocab * trainBatches[0].length;
