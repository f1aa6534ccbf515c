import type { ModelConfig } from '../../../config/sections/models.js';
import { BlissError } from '../../errors.js';

interface Sized {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
}

export interface RequireModel {
  /** as the folder's config.json has it */
  readonly found: Sized;
  /** as the configuration has it */
  readonly asked: Sized;
  /** the folder's config.json, for the error */
  readonly where: string;
  /** field of the configuration: `models.target` */
  readonly field: string;
}

/** What a fresh model is drawn by says nothing of weights that are there. */
const OF_FRESH_WEIGHTS = 'initStandardDeviation';

/**
 * That a folder's weights are of the model that the configuration asks for. Shapes alone don't tell: another number of heads or ε fits the same tensors.
 * @throws BlissError ConfigInvalid naming every field that differs, both values and what to write
 */
export function requireModel({ found, asked, where, field }: RequireModel): void {
  const different = differentFields(asked.model, found.model);
  const sameVocabulary = asked.vocabularySize === found.vocabularySize;
  if (different.length === 0 && sameVocabulary) return;
  const [theirs, ours]: Readonly<Record<string, unknown>>[] = [{ ...found.model }, { ...asked.model }];
  // of another architecture all fields are to be written
  const wanted = different.includes('architecture') ? Object.keys(theirs).filter((name) => name !== OF_FRESH_WEIGHTS) : different;
  const says = [
    ...different.map((name) => `${name} is ${String(theirs[name])}, ${field}.${name} ${String(ours[name])}`),
    ...(sameVocabulary ? [] : [`vocab_size is ${found.vocabularySize}, models.vocabularySize ${asked.vocabularySize}`]),
  ];
  const writes = [
    ...(wanted.length === 0 ? [] : [`${field}: {${wanted.map((name) => `${name}: ${String(theirs[name])}`).join(', ')}}`]),
    ...(sameVocabulary ? [] : [`models.vocabularySize: ${found.vocabularySize}`]),
  ];
  throw new BlissError({ code: 'ConfigInvalid', where, message: `the weights are of another model than the configuration's: ${says.join('; ')}`, fix: `write ${writes.join(' and ')}, or name another folder in ${field}.from` });
}

function differentFields(asked: ModelConfig, found: ModelConfig): readonly string[] {
  if (asked.architecture !== found.architecture) return ['architecture'];
  const [ours, theirs]: Readonly<Record<string, unknown>>[] = [{ ...asked }, { ...found }];
  return Object.keys(theirs).filter((name) => name !== OF_FRESH_WEIGHTS && ours[name] !== theirs[name]);
}
