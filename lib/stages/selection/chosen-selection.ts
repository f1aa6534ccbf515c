import type { Ref } from '../../artifacts/types.js';
import type { FinishedStage } from '../types.js';

/** What a finished run selected by scores in a round: of the same seed where it has it, else of its first; undefined where it has none. */
export function chosenSelection({ stages, round, seed }: { readonly stages: readonly FinishedStage[]; readonly round: number; readonly seed: number }): Ref | undefined {
  const chosen = stages.filter((stage) => stage.name === 'selection' && stage.results[0].summary['selector'] === 'bliss' && stage.round === round);
  return (chosen.find((stage) => stage.seed === seed) ?? chosen.at(0))?.results[0].ref;
}
