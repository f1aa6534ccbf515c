import { ProgramError, type CallOutputs, type NamedArrays, type Program, type Shapes } from '../tensor/index.js';
import { sizeOf } from '../tensor/shapes.js';
import { asGroup, isWithin } from './state-variables.js';
import type { CompiledProgram } from './types.js';

/** float32 and int32 */
const ELEMENT_BYTES = 4;

/**
 * What all programs have in common: their state.
 * @param isScratch variables that are no part of the state; they begin as zeros
 */
export function compiledProgram(program: Program, isScratch: (name: string) => boolean = () => false): CompiledProgram<string> {
  const shapes: Shapes = Object.fromEntries([...program.variables].flatMap(([name, { shape }]) => (isScratch(name) ? [] : [[name, shape] as const])));
  const names = Object.keys(shapes);
  const scratch = zeros(program, isScratch);
  let isSet = false;
  return {
    digest: program.digest,
    shapes,
    bytes: [...program.variables.values()].reduce((sum, { shape }) => sum + ELEMENT_BYTES * sizeOf(shape), 0),
    setState: (state) => {
      program.setAll({ ...state, ...scratch });
      isSet = true;
    },
    getState: () => (isSet ? program.getAll(names) : zeros(program, (name) => !isScratch(name))),
    fresh: (groups) => {
      const given: NamedArrays = Object.assign({}, ...Object.entries(groups).map(([group, tensors]) => asGroup(tensors, group)));
      const lacking = names.find((name) => !Object.hasOwn(given, name) && Object.keys(groups).some((group) => isWithin(group, name)));
      if (lacking !== undefined) throw new ProgramError(program.name, `${lacking} is missing from what its state begins with`);
      return { ...zeros(program, (name) => !isScratch(name) && !Object.hasOwn(given, name)), ...given };
    },
    dispose: () => program.dispose(),
  };
}

function zeros(program: Program, isWanted: (name: string) => boolean): NamedArrays {
  return Object.fromEntries(
    [...program.variables]
      .filter(([name]) => isWanted(name))
      .map(([name, { shape, dtype }]) => {
        const size = sizeOf(shape);
        return [name, dtype === 'int32' ? new Int32Array(size) : new Float32Array(size)];
      }),
  );
}

export const floatsOf = (outputs: CallOutputs, name: string): Float32Array => {
  const values = outputs[name];
  if (values instanceof Float32Array) return values;
  throw new TypeError(`output ${name} is not float32`);
};

export const integersOf = (outputs: CallOutputs, name: string): Int32Array => {
  const values = outputs[name];
  if (values instanceof Int32Array) return values;
  throw new TypeError(`output ${name} is not int32`);
};

/** the value of a scalar */
export const numberOf = (outputs: CallOutputs, name: string): number => floatsOf(outputs, name)[0];
