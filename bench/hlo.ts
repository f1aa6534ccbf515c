import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** An instruction of XLA's optimised program. */
export interface Instruction {
  readonly name: string;
  /** `dot`, `fusion`, … */
  readonly operation: string;
  /** `f32[1024,128]` */
  readonly shape: string;
  /** of its operands, as far as they are named in the same text */
  readonly operands: readonly string[];
  /** operations of a dot: 2 · elements of the result · elements summed over; 0 of all else */
  readonly flops: number;
  /** what it was in our graph: `MatMul_435` */
  readonly origin: string;
}

const LINE = /^\s*(?:ROOT )?%([\w.-]+) = (\S+) ([\w-]+)\((.*)$/;

/** @param folder that XLA dumped into: `--xla_dump_to=FOLDER --xla_dump_hlo_as_text`. @returns by name */
export function readInstructions(folder: string): Map<string, Instruction> {
  const found = new Map<string, Instruction>();
  const texts = readdirSync(folder)
    .filter((file) => file.endsWith('after_optimizations.txt'))
    .map((file) => readFileSync(path.join(folder, file), 'utf8'));
  for (const text of texts) {
    const shapes = new Map<string, string>();
    for (const line of text.split('\n')) {
      const match = LINE.exec(line);
      if (match === null) continue;
      const [, name, type, operation, rest] = match;
      const shape = type.replace(/\{[^}]*\}/g, '');
      shapes.set(name, shape);
      const operands = [...rest.split('), ', 1)[0].matchAll(/%([\w.-]+)/g)].map(([, operand]) => shapes.get(operand) ?? '?');
      const origin = /op_name="([^"]*)"/.exec(rest)?.[1] ?? '';
      found.set(name, { name, operation, shape, operands, flops: operation === 'dot' ? flopsOfDot({ shape, left: operands[0], rest }) : 0, origin });
    }
  }
  return found;
}

function flopsOfDot({ shape, left, rest }: { readonly shape: string; readonly left: string; readonly rest: string }): number {
  const dimensions = sizes(left);
  const summed = (/lhs_contracting_dims=\{([\d,]*)\}/.exec(rest)?.[1] ?? '').split(',').filter(Boolean);
  return 2 * product(sizes(shape)) * product(summed.map((at) => dimensions[Number(at)]));
}

/** `f32[8,4]` → [8, 4] */
const sizes = (shape: string): number[] => (/\[([\d,]*)\]/.exec(shape)?.[1] ?? '').split(',').filter(Boolean).map(Number);
const product = (values: readonly number[]): number => values.reduce((all, value) => all * value, 1);
