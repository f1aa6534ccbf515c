import type { DType, Shape } from './types.js';

/**
 * Writes the few protocol buffers that a SavedModel is made of: GraphDef, FunctionDef, NodeDef, AttrValue, TensorProto.
 * Field numbers are those of tensorflow/core/protobuf and tensorflow/core/framework. Hand-written, since protobufjs 7's
 * `verify` refuses such graphs and a graph of 15,000 nodes is written in a tenth of a second this way.
 */
export type GraphType = DType | 'bfloat16' | 'resource';

export type AttrValue =
  | { readonly type: GraphType }
  | { readonly types: readonly GraphType[] }
  | { readonly int: number }
  | { readonly bool: boolean }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly shape: Shape }
  | { readonly tensor: { readonly dtype: DType; readonly shape: Shape; /** little-endian */ readonly bytes: Uint8Array } }
  | { readonly function: string };
export type Attrs = Readonly<Record<string, AttrValue>>;

export interface NodeDef {
  readonly name: string;
  readonly op: string;
  /** `node:outputArg:index` within functions, `node:index` in a graph; `^node` waits for a node */
  readonly inputs: readonly string[];
  readonly attrs: Attrs;
}

export interface ArgDef {
  readonly name: string;
  readonly type: GraphType;
}

export interface FunctionDef {
  readonly name: string;
  readonly inputs: readonly ArgDef[];
  readonly outputs: readonly ArgDef[];
  readonly nodes: readonly NodeDef[];
  /** output argument → tensor of a node */
  readonly returns: Readonly<Record<string, string>>;
}

const dataType: Readonly<Record<GraphType, number>> = { float32: 1, int32: 3, bool: 10, bfloat16: 14, resource: 20 };
/** oldest and newest graph versions that the ops used here need (TensorFlow 2.12 on) */
const graphVersion = { producer: 1882, minConsumer: 12 };

const wireVarint = 0;
const wireBytes = 2;
const wire32 = 5;
const text = new TextEncoder();

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  if (value < 0) {
    let rest = BigInt.asUintN(64, BigInt(value)); // two's complement, ten bytes
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
  } else {
    let rest = value;
    while (rest > 127) {
      bytes.push((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

const tag = (field: number, wire: number): Uint8Array => varint(field * 8 + wire);
const integer = (field: number, value: number): Uint8Array => concat([tag(field, wireVarint), varint(value)]);
const bytes = (field: number, value: Uint8Array): Uint8Array => concat([tag(field, wireBytes), varint(value.length), value]);
const string = (field: number, value: string): Uint8Array => bytes(field, text.encode(value));
const float = (field: number, value: number): Uint8Array => {
  const raw = new Uint8Array(4);
  new DataView(raw.buffer).setFloat32(0, value, true);
  return concat([tag(field, wire32), raw]);
};

const shapeProto = (shape: Shape): Uint8Array => concat(shape.map((size) => bytes(2, integer(1, size))));

function attrProto(attr: AttrValue): Uint8Array {
  if ('type' in attr) return integer(6, dataType[attr.type]);
  if ('types' in attr) return bytes(1, bytes(6, concat(attr.types.map((type) => varint(dataType[type])))));
  if ('int' in attr) return integer(3, attr.int);
  if ('bool' in attr) return integer(5, attr.bool ? 1 : 0);
  if ('float' in attr) return float(4, attr.float);
  if ('string' in attr) return string(2, attr.string);
  if ('shape' in attr) return bytes(7, shapeProto(attr.shape));
  if ('function' in attr) return bytes(10, string(1, attr.function));
  const { dtype, shape, bytes: content } = attr.tensor;
  return bytes(8, concat([integer(1, dataType[dtype]), bytes(2, shapeProto(shape)), bytes(4, content)]));
}

const attrsProto = (field: number, attrs: Attrs): Uint8Array[] =>
  Object.entries(attrs).map(([name, attr]) => bytes(field, concat([string(1, name), bytes(2, attrProto(attr))])));

const nodeProto = ({ name, op, inputs, attrs }: NodeDef): Uint8Array =>
  concat([string(1, name), string(2, op), ...inputs.map((input) => string(3, input)), ...attrsProto(5, attrs)]);

const argProto = ({ name, type }: ArgDef): Uint8Array => concat([string(1, name), integer(3, dataType[type])]);

const functionProto = ({ name, inputs, outputs, nodes, returns }: FunctionDef): Uint8Array => {
  const isStateful = integer(17, 1); // else TensorFlow may drop or share calls
  const signature = concat([
    string(1, name),
    ...inputs.map((arg) => bytes(2, argProto(arg))),
    ...outputs.map((arg) => bytes(3, argProto(arg))),
    isStateful,
  ]);
  return concat([
    bytes(1, signature),
    ...nodes.map((node) => bytes(3, nodeProto(node))),
    ...Object.entries(returns).map(([output, tensor]) => bytes(4, concat([string(1, output), string(2, tensor)]))),
  ]);
};

/** A GraphDef with its function library. Equal inputs give equal bytes. */
export function encodeGraph(nodes: readonly NodeDef[], functions: readonly FunctionDef[]): Uint8Array {
  return concat([
    ...nodes.map((node) => bytes(1, nodeProto(node))),
    bytes(2, concat(functions.map((definition) => bytes(1, functionProto(definition))))),
    bytes(4, concat([integer(1, graphVersion.producer), integer(2, graphVersion.minConsumer)])),
  ]);
}

/** A SavedModel of one graph under the tag `serve`. */
export function encodeSavedModel(graph: Uint8Array): Uint8Array {
  const schemaVersion = 1;
  const meta = bytes(1, string(4, 'serve'));
  return concat([integer(1, schemaVersion), bytes(2, concat([meta, bytes(2, graph)]))]);
}
