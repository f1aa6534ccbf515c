import type { EntryIO, NamedTensors, Program, Shapes } from '../tensor/index.js';
import type { Moments } from '../optim/index.js';

/** Groups of variables: `<group>/<tensor name>`. AdamW's moments of a group are `<group>.adam.m/…`, or `adam.m/…` where it is the only one. */

export function declareGroup(program: Program, group: string, shapes: Shapes): void {
  for (const [name, shape] of Object.entries(shapes)) program.variable(within(group, name), shape);
}

export function readGroup(io: EntryIO, group: string, shapes: Shapes): NamedTensors {
  return Object.fromEntries(Object.keys(shapes).map((name) => [name, io.read(within(group, name))]));
}

export function assignGroup(io: EntryIO, group: string, tensors: NamedTensors): void {
  for (const [name, tensor] of Object.entries(tensors)) io.assign(within(group, name), tensor);
}

/** AdamW's two moments under one name. */
export interface MomentGroups {
  readonly m: string;
  readonly u: string;
}
export const momentGroups = (owner?: string): MomentGroups => ({ m: owner === undefined ? 'adam.m' : `${owner}.adam.m`, u: owner === undefined ? 'adam.u' : `${owner}.adam.u` });

export function declareMoments(program: Program, { m, u }: MomentGroups, shapes: Shapes): void {
  declareGroup(program, m, shapes);
  declareGroup(program, u, shapes);
}

export const readMoments = (io: EntryIO, { m, u }: MomentGroups, shapes: Shapes): Moments => ({ m: readGroup(io, m, shapes), u: readGroup(io, u, shapes) });

export function assignMoments(io: EntryIO, groups: MomentGroups, moments: Moments): void {
  assignGroup(io, groups.m, moments.m);
  assignGroup(io, groups.u, moments.u);
}

/** the group '' is the checkpoint's own names */
const within = (group: string, name: string): string => (group === '' ? name : `${group}/${name}`);
