import type { backend_util, DataId, DataType, Tensor, TensorInfo } from '@tensorflow/tfjs-node-gpu';
import { ProgramError } from './errors.js';
import type { FunctionGraph, Traced } from './function-graph.js';
import type { Kernel, KernelInputs } from './kernel-rules.js';
import { kernels } from './kernels.js';
import { tf } from './tf.js';
import type { DType, Shape } from './types.js';

/**
 * A tfjs backend that computes nothing: each kernel infers the shape of its result and adds TensorFlow nodes to the function under
 * trace. tfjs' own ops, tape and gradients run on top of it unchanged.  @see tensor-runtime §3
 */
const backendName = 'trace';

/** JavaScript values from outside (numbers, masks) become constants once a node needs them; what a node computes has no values. */
type Origin = { readonly kind: 'host'; readonly values: backend_util.BackendValues } | { readonly kind: 'node'; readonly ref: string; readonly graph: FunctionGraph };

interface TracedData {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly origin: Origin;
  /** tensors that share it */
  references: number;
  /** of a host value: its constant in the function that used it last */
  constant?: { readonly ref: string; readonly graph: FunctionGraph };
}

class TraceBackend extends tf.KernelBackend {
  readonly #data = new tf.DataStorage<TracedData>(this, tf.engine());
  /** the function under trace, if one is */
  current: FunctionGraph | undefined;

  get graph(): FunctionGraph {
    if (!this.current) throw new ProgramError('trace', 'no function is under trace');
    return this.current;
  }

  /** a new tensor's data: the value of a node */
  store({ ref, shape, dtype }: Traced): TensorInfo {
    return this.#keep({ shape, dtype, origin: { kind: 'node', ref, graph: this.graph }, references: 1 });
  }

  /** @throws ProgramError for a tensor of another function's trace */
  lookUp({ dataId }: { readonly dataId: DataId }): Traced {
    const data = this.#data.get(dataId);
    const { shape, dtype, origin } = data;
    if (origin.kind === 'node') {
      if (origin.graph !== this.graph) {
        throw new ProgramError(this.graph.name, `a tensor of the trace of ${origin.graph.name} is used; hand it over by a variable or an output`);
      }
      return { ref: origin.ref, shape, dtype };
    }
    if (data.constant?.graph !== this.graph) data.constant = { graph: this.graph, ref: this.graph.constant(dtype, shape, hostNumbers(origin.values)) };
    return { ref: data.constant.ref, shape, dtype };
  }

  run(kernelName: string, kernel: Kernel, inputs: Readonly<Record<string, TensorInfo | undefined>>, attrs: Readonly<Record<string, unknown>>): TensorInfo | TensorInfo[] {
    const traced: Record<string, Traced> = {};
    for (const [name, input] of Object.entries(inputs)) {
      if (!input) continue;
      // a reshaped tensor may share the data of another: the tensor's own shape counts
      traced[name] = { ...this.lookUp(input), shape: input.shape };
    }
    const result = this.#apply(kernelName, kernel, traced, attrs);
    return Array.isArray(result) ? result.map((one: Traced) => this.store(one)) : this.store(result as Traced);
  }

  #apply(kernelName: string, kernel: Kernel, inputs: KernelInputs, attrs: Readonly<Record<string, unknown>>): Traced | readonly Traced[] {
    try {
      return kernel(inputs, attrs, this.graph);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new ProgramError(this.graph.name, `${kernelName}: ${error.message}`, { cause: error });
    }
  }

  #keep(data: TracedData): TensorInfo {
    const dataId = {};
    this.#data.set(dataId, data);
    return { dataId, shape: [...data.shape], dtype: data.dtype };
  }

  // what tfjs asks of a backend

  override write(values: backend_util.BackendValues, shape: number[], dtype: DataType): DataId {
    return this.#keep({ shape, dtype: traceable(dtype), origin: { kind: 'host', values }, references: 1 }).dataId;
  }
  override move(dataId: DataId, values: backend_util.BackendValues, shape: number[], dtype: DataType, references: number): void {
    this.#data.set(dataId, { shape, dtype: traceable(dtype), origin: { kind: 'host', values }, references });
  }
  override readSync(dataId: DataId): backend_util.BackendValues {
    const { origin } = this.#data.get(dataId);
    if (origin.kind === 'host') return origin.values;
    throw new ProgramError(origin.graph.name, 'a traced value has no data: it exists only inside the compiled function; return it as an output');
  }
  override async read(dataId: DataId): Promise<backend_util.BackendValues> {
    return this.readSync(dataId);
  }
  override refCount(dataId: DataId): number {
    return this.#data.has(dataId) ? this.#data.get(dataId).references : 0;
  }
  override incRef(dataId: DataId): void {
    this.#data.get(dataId).references++;
  }
  decRef(dataId: DataId): void {
    if (this.#data.has(dataId)) this.#data.get(dataId).references--;
  }
  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.#data.has(dataId)) return true;
    const data = this.#data.get(dataId);
    data.references--;
    if (!force && data.references > 0) return false;
    this.#data.delete(dataId);
    return true;
  }
  override numDataIds(): number {
    return this.#data.numDataIds();
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }
  override timerAvailable(): boolean {
    return false;
  }
  override floatPrecision(): 16 | 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7; // as the tensorflow backend's, so that ops that ask for it agree
  }
}

function traceable(dtype: DataType): DType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new ProgramError('trace', `dtype ${dtype} is not traced; use float32, int32 or bool`);
}

function hostNumbers(values: backend_util.BackendValues): ArrayLike<number> {
  return Array.isArray(values) ? values.map(Number) : values;
}

const backend = new TraceBackend();
tf.registerBackend(backendName, () => backend, 0); // lowest priority: never the default

for (const [kernelName, kernel] of Object.entries(kernels)) {
  tf.registerKernel({ kernelName, backendName, kernelFunc: ({ inputs, attrs }) => backend.run(kernelName, kernel, inputs, attrs ?? {}) });
}
tf.registerKernel({
  kernelName: 'Identity',
  backendName,
  kernelFunc: ({ inputs }) => {
    const { x } = inputs;
    if (!x) throw new TypeError('Identity needs x');
    backend.incRef(x.dataId);
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
  },
});
for (const { kernelName } of tf.getKernelsForBackend('tensorflow')) {
  if (kernelName in kernels || kernelName === 'Identity') continue;
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: () => {
      throw new ProgramError(backend.graph.name, `kernel ${kernelName} is not known to the tracer; add a row to lib/tensor/kernels.ts`);
    },
  });
}

export interface Tracing {
  /** a tensor that stands for an argument or a node */
  tensor(traced: Traced): Tensor;
  lookUp(tensor: Tensor): Traced;
}

/** Runs `body` with every tfjs op going into `graph`. The backend of before comes back whatever happens; nothing asynchronous may run inside. */
export function traceInto<R>(graph: FunctionGraph, body: (tracing: Tracing) => R): R {
  const engine = tf.engine();
  const before = tf.getBackend();
  const outer = backend.current;
  void tf.setBackend(backendName); // synchronous for a backend whose factory is
  backend.current = graph;
  engine.startScope();
  try {
    return body({
      tensor: (traced) => {
        const { dataId, shape, dtype } = backend.store(traced);
        return engine.makeTensorFromDataId(dataId, shape, dtype, backend);
      },
      lookUp: (tensor) => ({ ...backend.lookUp(tensor), shape: tensor.shape }),
    });
  } finally {
    engine.endScope();
    backend.current = outer;
    void tf.setBackend(before);
  }
}
