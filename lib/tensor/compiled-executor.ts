import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { nativeBinding, runSession, type TypedArray } from './native.js';
import { ProgramError } from './errors.js';
import type { Executor } from './executor.js';
import type { ProgramDefinition } from './program-definition.js';
import { encodeGraph, encodeSavedModel, type Attrs, type NodeDef } from './protobuf.js';
import { traceEntry, type TracedEntry } from './trace-entry.js';
import type { TensorSpec } from './types.js';

/** nodes of the main graph */
const one = 'one';
const setAll = 'set_all';
const handleNode = (index: number): string => `variable_${index}`;
const callNode = (entry: string): string => `${entry}/call`;
const feedNode = (entry: string, input: number): string => `${entry}/input_${input}`;

/** Traces every entry point, writes one SavedModel of them all and loads it: one session, whose variables hold the state. */
export function compileProgram(program: ProgramDefinition, { xla, scratch }: { readonly xla: boolean; readonly scratch: string | undefined }): Executor {
  const names = [...program.variables.keys()];
  const specs = [...program.variables.values()];
  const indexOf = new Map(names.map((name, i) => [name, i]));
  const traced = new Map([...program.entries.values()].map((entry) => [entry.name, traceEntry(program, entry, { xla })]));
  const graph = encodeGraph(
    [...stateNodes(names, specs), ...[...program.entries.values()].flatMap(({ name, inputs }) => entryNodes(name, Object.values(inputs), lookUp(traced, name), indexOf, xla))],
    [...traced.values()].map(({ definition }) => definition),
  );
  const binding = nativeBinding();
  const model = load(encodeSavedModel(graph), scratch, (folder) => binding.loadSavedModel(folder, 'serve'));

  const unset = new Set(names);
  const checkSet = (variables: readonly string[], where: string): void => {
    const missing = variables.find((name) => unset.has(name));
    if (missing !== undefined) throw new ProgramError(where, `variable '${missing}' has no value yet; call setAll first`);
  };

  return {
    digest: createHash('sha256').update(graph).digest('hex'),
    set: (values) => {
      const feeds = values.map(({ name, array }) => {
        const i = lookUp(indexOf, name);
        return { i, feed: { name: `initial_${i}:0`, ...specs[i], values: array } };
      });
      const isWhole = feeds.length === names.length;
      runSession({ binding, model, feeds: feeds.map(({ feed }) => feed), fetches: isWhole ? [`${setAll}:0`] : feeds.map(({ i }) => `set_${i}:0`) });
      for (const { name } of values) unset.delete(name);
    },
    get: (variables) => {
      checkSet(variables, program.name);
      return runSession({ binding, model, feeds: [], fetches: variables.map((name) => `get_${lookUp(indexOf, name)}:0`) });
    },
    call: (entry, inputs) => {
      const { outputs, reads, assigns } = lookUp(traced, entry);
      checkSet(reads, `${program.name}.${entry}`);
      const feeds = inputs.map((input, i) => ({ name: `${feedNode(entry, i)}:0`, ...input }));
      const values = runSession({ binding, model, feeds, fetches: outputs.map((_, i) => `${callNode(entry)}:${i}`) });
      for (const name of assigns) unset.delete(name);
      return Object.fromEntries(outputs.map(({ name }, i): [string, TypedArray] => [name, values[i]]));
    },
    dispose: () => binding.deleteSavedModel(model),
  };
}

/** the handle of each variable, and the nodes that set and get it */
function stateNodes(names: readonly string[], specs: readonly TensorSpec[]): NodeDef[] {
  const int32One = { dtype: 'int32', shape: [], bytes: Uint8Array.of(1, 0, 0, 0) } as const;
  const nodes: NodeDef[] = [{ name: one, op: 'Const', inputs: [], attrs: { dtype: { type: 'int32' }, value: { tensor: int32One } } }];
  specs.forEach(({ shape, dtype }, i) => {
    const handle = handleNode(i);
    const typed = { dtype: { type: dtype } };
    nodes.push(
      { name: handle, op: 'VarHandleOp', inputs: [], attrs: { ...typed, shape: { shape }, shared_name: { string: names[i] }, container: { string: '' } } },
      { name: `initial_${i}`, op: 'Placeholder', inputs: [], attrs: { ...typed, shape: { shape } } },
      // a fed tensor may share its memory with JavaScript's array (where that is aligned well): a variable must have its own
      { name: `copy_${i}`, op: 'DeepCopy', inputs: [`initial_${i}`], attrs: { T: { type: dtype } } },
      { name: `assign_${i}`, op: 'AssignVariableOp', inputs: [handle, `copy_${i}`], attrs: typed },
      // an assignment has no output to fetch
      { name: `set_${i}`, op: 'Identity', inputs: [one, `^assign_${i}`], attrs: { T: { type: 'int32' } } },
      { name: `get_${i}`, op: 'ReadVariableOp', inputs: [handle], attrs: typed },
    );
  });
  // one output for the whole state: a session prepares each anew
  nodes.push({ name: setAll, op: 'Identity', inputs: [one, ...specs.map((_, i) => `^assign_${i}`)], attrs: { T: { type: 'int32' } } });
  return nodes;
}

/** placeholders for an entry's inputs and the call of its function */
function entryNodes(name: string, inputs: readonly TensorSpec[], entry: TracedEntry, indexOf: ReadonlyMap<string, number>, xla: boolean): NodeDef[] {
  const placeholders = inputs.map(({ shape, dtype }, i): NodeDef => {
    return { name: feedNode(name, i), op: 'Placeholder', inputs: [], attrs: { dtype: { type: dtype }, shape: { shape } } };
  });
  const attrs: Attrs = {
    Tin: { types: entry.definition.inputs.map((arg) => arg.type) },
    Tout: { types: entry.definition.outputs.map((arg) => arg.type) },
    f: { function: name },
    config: { string: '' },
    config_proto: { string: '' },
    executor_type: { string: '' },
    ...(xla ? { _XlaMustCompile: { bool: true } } : {}),
  };
  const handles = entry.variables.map((variable) => handleNode(lookUp(indexOf, variable)));
  return [...placeholders, { name: callNode(name), op: 'StatefulPartitionedCall', inputs: [...placeholders.map((node) => node.name), ...handles], attrs }];
}

/** TensorFlow loads from a folder only; it is gone afterwards. */
function load(savedModel: Uint8Array, scratch: string | undefined, from: (folder: string) => number): number {
  const parent = scratch ?? os.tmpdir();
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(path.join(parent, 'program-'));
  try {
    writeFileSync(path.join(folder, 'saved_model.pb'), savedModel);
    return from(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function lookUp<V>(map: ReadonlyMap<string, V>, key: string): V {
  const value = map.get(key);
  if (value === undefined) throw new TypeError(`no ${key}`); // Program has checked every name
  return value;
}
