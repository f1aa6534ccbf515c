import type { RunConfig } from '../config/schema.js';
import type { LexicalInput } from '../lib/stages/types.js';

type SelectorName = RunConfig['comparison']['arms'][number]['selector'];

/** Scores rows by weights of their n-grams. */
export const isLexical = (selector: SelectorName): selector is LexicalInput['method'] => selector === 'dsir' || selector === 'quality-classifier';

/** Scores rows by what a language model makes of them. */
export const isPerplexity = (selector: SelectorName): boolean => selector === 'perplexity-low' || selector === 'perplexity-middle';

/** Scores rows at all: chance and another run's selection need none. */
export const scores = (selector: SelectorName, { from }: RunConfig['selection']): boolean => isLexical(selector) || isPerplexity(selector) || selector === 'mates' || (selector === 'bliss' && from === undefined);
