import type { EntryIO, NamedArrays, NamedTensors, Program, Shapes } from '../tensor/index.js';
import type { Moments } from '../optim/index.js';

/*
 * Groups of variables: `<group>/<tensor name>`. AdamW's moments of a group are `<group>.adam.m/…`, or `adam.m/…` where it is the only one. A state in
 * memory and in checkpoints has the same names; nobody else makes or takes apart one.
 */

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

/** What AdamW keeps of a model of these shapes, as its only one. */
export function momentShapes(shapes: Shapes): Shapes {
  const { m, u } = momentGroups();
  return Object.fromEntries(Object.entries(shapes).flatMap(([name, shape]) => [[within(m, name), shape] as const, [within(u, name), shape] as const]));
}

/** Tensors of one group of a state, by their own names. */
export const groupOf = (state: NamedArrays, group: string): NamedArrays =>
  Object.fromEntries(Object.entries(state).flatMap(([name, array]) => (isWithin(group, name) ? [[name.slice(within(group, '').length), array] as const] : [])));

/** Tensors by their own names, as a state has them in one group. */
export const asGroup = (tensors: NamedArrays, group: string): NamedArrays => Object.fromEntries(Object.entries(tensors).map(([name, array]) => [within(group, name), array]));

export const withoutGroup = (state: NamedArrays, group: string): NamedArrays => Object.fromEntries(Object.entries(state).filter(([name]) => !isWithin(group, name)));

/** A language model's weights by checkpoint name, and AdamW's moments of them, `adam.m/<name>` and `adam.u/<name>`. */
export interface Trained {
  readonly params: NamedArrays;
  readonly moments: NamedArrays;
}

/** group of the weights of a model that is trained alone */
export const PARAMS = 'params';
export const stateOfTrained = ({ params, moments }: Trained): NamedArrays => ({ ...asGroup(params, PARAMS), ...moments });
export const trainedOfState = (state: NamedArrays): Trained => ({ params: groupOf(state, PARAMS), moments: withoutGroup(state, PARAMS) });

export const isWithin = (group: string, name: string): boolean => name.startsWith(within(group, ''));
/** the group '' is the checkpoint's own names */
const within = (group: string, name: string): string => (group === '' ? name : `${group}/${name}`);
