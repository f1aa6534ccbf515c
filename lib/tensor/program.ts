import './derivative-orders.js';
import { compileProgram } from './compiled-executor.js';
import { eagerProgram } from './eager-executor.js';
import { ProgramError } from './errors.js';
import type { Executor } from './executor.js';
import type { TypedArray } from './native.js';
import type { EntryDefinition } from './program-definition.js';
import { showShape, sizeOf } from './shapes.js';
import { variableOf } from './trace-entry.js';
import type { DType, EntryBody, EntryOptions, NamedArrays, ProgramOptions, Shape, TensorSpec } from './types.js';

/** inputs of a call by name; a number will do for a scalar */
export type CallInputs = Readonly<Record<string, TypedArray | number>>;
export type CallOutputs = Readonly<Record<string, TypedArray>>;

/**
 * Entry points over shared variables, each compiled to one call of TensorFlow. State stays in TensorFlow and never crosses into
 * JavaScript between calls.
 *
 *     const program = new Program('training', { mode: 'xla' });
 *     program.variable('w', [3]);
 *     program.entry('step', { x: { shape: [3], dtype: 'float32' } }, ({ x }, io) => { io.assign('w', tf.add(io.read('w'), x)); return { sum: tf.sum(x) }; });
 *     await program.build();
 *     program.setAll({ w }); program.call('step', { x }); program.getAll();
 *
 * What changes from call to call is a declared input; a JavaScript number inside a body is frozen into the graph. The first call of an
 * entry under `xla` compiles it, seconds to minutes.  @see tensor-runtime §5
 */
export class Program {
  readonly #variables = new Map<string, TensorSpec>();
  readonly #entries = new Map<string, EntryDefinition>();
  readonly #options: ProgramOptions;
  #executor: Executor | undefined;

  constructor(
    readonly name: string,
    options: Partial<ProgramOptions> = {},
  ) {
    this.#options = { mode: 'xla', ...options };
  }

  variable(name: string, shape: Shape, dtype: 'float32' | 'int32' = 'float32'): this {
    this.#stillOpen();
    if (this.#variables.has(name)) throw new ProgramError(this.name, `variable '${name}' is declared twice`);
    this.#variables.set(name, { shape, dtype });
    return this;
  }

  /** @param body a pure function of tensors; it runs once, at build (`eager`: at every call) */
  entry(name: string, inputs: Readonly<Record<string, TensorSpec>>, body: EntryBody, { products = 'float32' }: EntryOptions = {}): this {
    this.#stillOpen();
    if (this.#entries.has(name)) throw new ProgramError(this.name, `entry '${name}' is declared twice`);
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) throw new ProgramError(this.name, `entry '${name}' must be letters, digits and _ to name a TensorFlow function`);
    if (products !== 'float32' && this.#options.mode === 'eager') throw new ProgramError(this.name, `entry '${name}': products in ${products} are compiled only, not eager`);
    this.#entries.set(name, { name, inputs, body, products });
    return this;
  }

  /** Traces and loads; compiling waits for the first call of each entry. */
  async build(): Promise<this> {
    this.#stillOpen();
    const definition = { name: this.name, variables: this.#variables, entries: this.#entries };
    const { mode, scratch } = this.#options;
    this.#executor = mode === 'eager' ? eagerProgram(definition) : compileProgram(definition, { xla: mode === 'xla', scratch });
    return this;
  }

  /** sha256 of the traced graph, hex: equal code gives an equal digest, in every process */
  get digest(): string {
    return this.#built.digest;
  }

  get variables(): ReadonlyMap<string, TensorSpec> {
    return this.#variables;
  }

  /** Every variable in one call of the session: each new set of feeds costs it a preparation of 0.2 s. */
  setAll(values: NamedArrays): void {
    for (const name of Object.keys(values)) variableOf(this.#definition, name, this.name);
    this.#built.set([...this.#variables.keys()].map((name) => ({ name, array: this.#checked(name, values[name]) })));
  }

  /** @param names all by default, in the order of their declaration */
  getAll(names: readonly string[] = [...this.#variables.keys()]): NamedArrays {
    for (const name of names) variableOf(this.#definition, name, this.name);
    const arrays = this.#built.get(names);
    return Object.fromEntries(names.map((name, i) => [name, numeric(arrays[i])]));
  }

  /** One variable; the first time for each name costs a session preparation. */
  set(name: string, value: Float32Array | Int32Array): void {
    variableOf(this.#definition, name, this.name);
    this.#built.set([{ name, array: this.#checked(name, value) }]);
  }

  get(name: string): Float32Array | Int32Array {
    variableOf(this.#definition, name, this.name);
    const [array] = this.#built.get([name]);
    return numeric(array);
  }

  /** @throws ProgramError for an unknown entry or input, a missing one, a wrong number of values or a wrong kind of array */
  call(name: string, inputs: CallInputs): CallOutputs {
    const executor = this.#built;
    const entry = this.#entries.get(name);
    if (!entry) throw new ProgramError(this.name, `no entry '${name}'; there are ${[...this.#entries.keys()].join(', ')}`);
    const where = `${this.name}.${name}`;
    for (const given of Object.keys(inputs)) {
      if (!(given in entry.inputs)) throw new ProgramError(where, `no input '${given}'; it takes ${Object.keys(entry.inputs).join(', ')}`);
    }
    const feeds = Object.entries(entry.inputs).map(([input, spec]) => {
      return { ...spec, values: asArray(inputs[input], spec, `${where}: input '${input}'`) };
    });
    try {
      return executor.call(name, feeds);
    } catch (error) {
      if (error instanceof ProgramError) throw error;
      throw new ProgramError(where, error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** Frees the session and its variables. The program cannot be used afterwards. */
  dispose(): void {
    this.#executor?.dispose();
    this.#executor = undefined;
  }

  get #definition(): { readonly name: string; readonly variables: ReadonlyMap<string, TensorSpec>; readonly entries: ReadonlyMap<string, EntryDefinition> } {
    return { name: this.name, variables: this.#variables, entries: this.#entries };
  }

  get #built(): Executor {
    if (!this.#executor) throw new ProgramError(this.name, 'is not built, or disposed of');
    return this.#executor;
  }

  #stillOpen(): void {
    if (this.#executor) throw new ProgramError(this.name, 'is built already');
  }

  #checked(name: string, value: Float32Array | Int32Array | undefined): TypedArray {
    return asArray(value, variableOf(this.#definition, name, this.name), `${this.name}: variable '${name}'`);
  }
}

/** @throws ProgramError where the value is missing, of another dtype, or of another size */
function asArray(value: TypedArray | number | undefined, { shape, dtype }: TensorSpec, where: string): TypedArray {
  const wanted = `${dtype} ${showShape(shape)}`;
  if (value === undefined) throw new ProgramError(where, `is missing; it is ${wanted}`);
  const arrayOf: Readonly<Record<DType, Float32ArrayConstructor | Int32ArrayConstructor | Uint8ArrayConstructor>> = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };
  const Expected = arrayOf[dtype];
  const array = typeof value === 'number' ? Expected.of(value) : value;
  if (!(array instanceof Expected)) throw new ProgramError(where, `is ${wanted} and was given ${array.constructor.name}`);
  if (array.length !== sizeOf(shape)) throw new ProgramError(where, `is ${wanted}, ${sizeOf(shape)} values, and was given ${array.length}`);
  return array;
}

function numeric(array: TypedArray): Float32Array | Int32Array {
  if (array instanceof Uint8Array) throw new TypeError('a variable is float32 or int32');
  return array;
}
