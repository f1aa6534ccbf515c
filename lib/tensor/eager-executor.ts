import { createHash } from 'node:crypto';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { ProgramError } from './errors.js';
import type { Executor } from './executor.js';
import type { TypedArray } from './native.js';
import { within } from './place.js';
import type { ProgramDefinition } from './program-definition.js';
import { tf } from './tf.js';
import { checkAssignment, variableOf } from './trace-entry.js';
import type { EntryIO } from './types.js';

/** The same step functions, op by op on tfjs' ordinary backend: slow, for tests against the compiled ones. */
export function eagerProgram(program: ProgramDefinition): Executor {
  const state = new Map<string, Tensor>();
  const replace = (name: string, value: Tensor): void => {
    state.get(name)?.dispose();
    state.set(name, tf.keep(value));
  };
  const valueOf = (name: string, where: string): Tensor => {
    const value = state.get(name);
    if (!value) throw new ProgramError(where, `variable '${name}' has no value yet; call setAll first`);
    return value;
  };

  return {
    digest: createHash('sha256').update(describe(program)).digest('hex'),
    set: (values) => {
      for (const { name, array } of values) {
        const { shape, dtype } = variableOf(program, name, program.name);
        replace(name, tf.tensor(array.slice(), [...shape], dtype)); // tfjs keeps the array it is given
      }
    },
    get: (variables) => variables.map((name) => valueOf(name, program.name).dataSync<'float32'>().slice()),
    call: (entryName, inputs) =>
      onOrdinaryBackend(() => {
        const where = `${program.name}.${entryName}`;
        const entry = program.entries.get(entryName);
        if (!entry) throw new ProgramError(where, 'no such entry');
        const assigned = new Map<string, Tensor>();
        const arguments_ = Object.fromEntries(
          Object.keys(entry.inputs).map((name, i): [string, Tensor] => [name, tf.tensor(inputs[i].values.slice(), [...inputs[i].shape], inputs[i].dtype)]),
        );
        const io: EntryIO = {
          read: (name) => {
            variableOf(program, name, where);
            return valueOf(name, where);
          },
          assign: (name, value) => {
            checkAssignment(variableOf(program, name, where), value, `${where}: variable '${name}'`);
            if (assigned.has(name)) throw new ProgramError(where, `variable '${name}' is assigned twice`);
            assigned.set(name, value);
          },
        };
        const outputs = within(where, () => entry.body(arguments_, io));
        if (Object.keys(outputs).length === 0) throw new ProgramError(where, 'an entry needs at least one output');
        const values = Object.entries(outputs).map(([name, output]): [string, TypedArray] => [name, output.dataSync<'float32'>().slice()]);
        const next = [...assigned].map(([name, value]): [string, Tensor] => [name, value.clone()]); // it may be another variable's own tensor
        for (const [name, value] of next) replace(name, value);
        return Object.fromEntries(values);
      }),
    dispose: () => {
      for (const value of state.values()) value.dispose();
      state.clear();
    },
  };
}

/** in a scope of its own: only what is kept survives */
function onOrdinaryBackend<R>(body: () => R): R {
  const before = tf.getBackend();
  void tf.setBackend('tensorflow');
  tf.engine().startScope();
  try {
    return body();
  } finally {
    tf.engine().endScope();
    void tf.setBackend(before);
  }
}

/** there is no graph: what can be told of the program without running it */
function describe({ name, variables, entries }: ProgramDefinition): string {
  return JSON.stringify(['eager', name, [...variables], [...entries.values()].map((entry) => [entry.name, entry.inputs])]);
}
