import type { CompiledProgram } from '../../lib/programs/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';

/** A program's whole state: the groups given, by the names of variables `<group>/<tensor>`, and zeros for what is left: moments. */
export function statePlus(program: CompiledProgram, groups: Readonly<Record<string, NamedArrays>>): NamedArrays {
  const given = Object.entries(groups).flatMap(([group, arrays]) => Object.entries(arrays).map(([name, array]) => [`${group}/${name}`, array] as const));
  return { ...program.getState(), ...Object.fromEntries(given) };
}
