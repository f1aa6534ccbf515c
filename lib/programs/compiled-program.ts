import type { CallOutputs, NamedArrays, Program } from '../tensor/index.js';
import type { CompiledProgram } from './types.js';

/** What all programs have in common: their state and its name. */
export function compiledProgram(program: Program): CompiledProgram {
  const stateNames = [...program.variables.keys()];
  let isSet = false;
  return {
    digest: program.digest,
    stateNames,
    setState: (state) => {
      program.setAll(state);
      isSet = true;
    },
    getState: () => (isSet ? program.getAll() : zeros(program)),
    dispose: () => program.dispose(),
  };
}

function zeros(program: Program): NamedArrays {
  return Object.fromEntries(
    [...program.variables].map(([name, { shape, dtype }]) => {
      const size = shape.reduce((product, n) => product * n, 1);
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
