import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { ProgramError } from './errors.js';
import { FunctionGraph } from './function-graph.js';
import { within } from './place.js';
import type { EntryDefinition, ProgramDefinition } from './program-definition.js';
import type { ArgDef, FunctionDef } from './protobuf.js';
import { sameShape, showShape } from './shapes.js';
import { traceInto } from './trace-backend.js';
import type { EntryIO, TensorSpec } from './types.js';

/** An entry point as one TensorFlow function: its declared inputs first, then the handles of the variables it uses. */
export interface TracedEntry {
  readonly definition: FunctionDef;
  /** variables in the order of the handles */
  readonly variables: readonly string[];
  /** variables whose old value matters: they must have been set */
  readonly reads: readonly string[];
  readonly assigns: readonly string[];
  readonly outputs: readonly (TensorSpec & { readonly name: string })[];
}

/** arguments of functions may hold lower-case letters, digits and _ only; names of the program may hold anything */
const inputArg = (index: number): string => `input_${index}`;
const handleArg = (index: number): string => `variable_${index}`;

/** Runs the body once under the tracer. @throws ProgramError naming program, entry and what of it */
export function traceEntry(program: ProgramDefinition, entry: EntryDefinition, { xla }: { readonly xla: boolean }): TracedEntry {
  const where = `${program.name}.${entry.name}`;
  const graph = new FunctionGraph(where, { xla, products: entry.products });
  const handles: string[] = [];
  const handle = (variable: string): string => {
    const known = handles.indexOf(variable);
    return handleArg(known < 0 ? handles.push(variable) - 1 : known);
  };
  const spec = (variable: string): TensorSpec => variableOf(program, variable, where);
  const readNodes = new Map<string, { readonly node: string; readonly tensor: Tensor }>();
  const assigned = new Map<string, string>();

  return traceInto(graph, ({ tensor, lookUp }): TracedEntry => {
    const arguments_: Record<string, Tensor> = {};
    Object.entries(entry.inputs).forEach(([name, { shape, dtype }], i) => {
      arguments_[name] = tensor({ ref: inputArg(i), shape, dtype });
    });

    const io: EntryIO = {
      read: (variable) => {
        const known = readNodes.get(variable);
        if (known) return known.tensor;
        const { shape, dtype } = spec(variable);
        const node = `read_${readNodes.size}`;
        graph.stateful({ name: node, op: 'ReadVariableOp', inputs: [handle(variable)], attrs: { dtype: { type: dtype } } });
        const read = { node, tensor: tensor({ ref: `${node}:value:0`, shape, dtype }) };
        readNodes.set(variable, read);
        return read.tensor;
      },
      assign: (variable, value) => {
        checkAssignment(spec(variable), value, `${where}: variable '${variable}'`);
        if (assigned.has(variable)) throw new ProgramError(where, `variable '${variable}' is assigned twice`);
        handle(variable);
        assigned.set(variable, lookUp(value).ref);
      },
    };
    const outputs = within(where, () => entry.body(arguments_, io));

    // an assignment waits until the old value has been read
    const assignments = [...assigned].map(([variable, ref], i) => {
      const name = `assign_${i}`;
      const read = readNodes.get(variable);
      const inputs = [handle(variable), ref, ...(read ? [`^${read.node}`] : [])];
      graph.stateful({ name, op: 'AssignVariableOp', inputs, attrs: { dtype: { type: spec(variable).dtype } } });
      return `^${name}`;
    });
    // outputs wait for every assignment: who has them knows that the state has moved on
    const returned = Object.entries(outputs).map(([name, output], i) => {
      const { ref, shape, dtype } = lookUp(output);
      graph.stateful({ name: `return_${i}`, op: 'Identity', inputs: [ref, ...assignments], attrs: { T: { type: dtype } } });
      return { name, shape: [...shape], dtype };
    });
    if (returned.length === 0) throw new ProgramError(where, 'an entry needs at least one output');

    const inputs: ArgDef[] = [
      ...Object.values(entry.inputs).map(({ dtype }, i) => ({ name: inputArg(i), type: dtype })),
      ...handles.map((_, i) => ({ name: handleArg(i), type: 'resource' as const })),
    ];
    return {
      variables: handles,
      reads: [...readNodes.keys()],
      assigns: [...assigned.keys()],
      outputs: returned,
      definition: {
        name: entry.name,
        inputs,
        outputs: returned.map(({ dtype }, i) => ({ name: `output_${i}`, type: dtype })),
        nodes: graph.nodes,
        returns: Object.fromEntries(returned.map((_, i) => [`output_${i}`, `return_${i}:output:0`])),
      },
    };
  });
}

/** @throws ProgramError for a variable that the program does not have */
export function variableOf(program: ProgramDefinition, variable: string, where: string): TensorSpec {
  const spec = program.variables.get(variable);
  if (!spec) throw new ProgramError(where, `no variable '${variable}'`);
  return spec;
}

/** @throws ProgramError where shape or dtype differ */
export function checkAssignment({ shape, dtype }: TensorSpec, value: Tensor, where: string): void {
  if (!sameShape(shape, value.shape) || dtype !== value.dtype) {
    throw new ProgramError(where, `is ${dtype} ${showShape(shape)} and was assigned ${value.dtype} ${showShape(value.shape)}`);
  }
}
