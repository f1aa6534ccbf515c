import { BlissError } from '../../errors.js';

type Fields = Readonly<Record<string, unknown>>;

export interface Positions {
  /** θ, base of the rotary frequencies */
  readonly base: number;
  /** part of each head that is rotated */
  readonly fraction: number;
}

/** Where an architecture's settings stand beside the mapping of rotary settings. */
export interface PositionSpelling {
  /** field of θ */
  readonly base: string;
  /** field of the part of each head that is rotated */
  readonly fraction: string;
  readonly fractionByDefault: number;
}

export interface ReadPositions {
  /** of config.json, whole */
  readonly file: Fields;
  /** the file, for errors */
  readonly where: string;
  /** the model's architecture */
  readonly of: { readonly modelType: string; readonly positions: PositionSpelling };
  /** of every architecture: of settings that another one alone reads transformers takes no notice, so they may only repeat what counts */
  readonly all: readonly PositionSpelling[];
}

const BASE_BY_DEFAULT = 10_000;

/** transformers 5 saves the second; the first is of its older versions, goes before the second where both are there, and may hold all of it */
const MAPPINGS = ['rope_scaling', 'rope_parameters'] as const;

const OF_POSITIONS = /rope|rotary|position|alibi|sliding|window|yarn|layer_types/i;
/** what is the case here, whoever writes it down */
const HOLDS: Fields = { rope_interleaved: false, rope_interleave: false, use_rope: true, alibi: false, use_alibi: false, use_sliding_window: false, position_embedding_type: 'rope' };

/**
 * What a config.json says of positions, in every spelling of transformers 4 and 5: it is applied or refused. Where two spellings disagree versions
 * of transformers take different ones, so no figure would be the model's.
 * @throws BlissError ConfigInvalid, with the field
 */
export function readPositions({ file, where, of: { modelType, positions: own }, all }: ReadPositions): Positions {
  const refuse = (message: string, fix: string): never => {
    throw new BlissError({ code: 'ConfigInvalid', where, message, fix });
  };
  refuseUnknown({ file, refuse, read: new Set(['max_position_embeddings', ...MAPPINGS, ...all.flatMap(({ base, fraction }) => [base, fraction])]) });
  const mapping = rotaryMapping(file, refuse);
  const agreed = (which: 'base' | 'fraction', inMapping: string, byDefault: number, most = Infinity): number => {
    const field = own[which];
    const others = all.map((one) => one[which]).filter((name) => name !== field);
    const stated = [
      ...(mapping === undefined || mapping.settings[inMapping] === undefined ? [] : [[`${mapping.name}.${inMapping}`, mapping.settings[inMapping]] as const]),
      ...(file[field] === undefined ? [] : [[field, file[field]] as const]),
    ];
    const [[first, value] = ['', byDefault] as const] = stated;
    if (typeof value !== 'number' || !(value > 0 && value <= most)) return refuse(`${first} is ${JSON.stringify(value)}`, `write a number > 0${most === Infinity ? '' : ` and ≤ ${most}`}`);
    const ignored = others.flatMap((name) => (file[name] == null ? [] : [[name, file[name]] as const]));
    const different = [...stated.slice(1), ...ignored].find(([, other]) => other !== value);
    if (different === undefined) return value;
    const [name, other] = different;
    if (first === '') return refuse(`${name} is ${JSON.stringify(other)}, of which transformers takes no notice in a ${modelType} model: it computes with ${value}`, `write ${field}: ${JSON.stringify(other)} if the model was trained so, else leave it out`);
    return refuse(`${first} is ${value}, and ${name} is ${JSON.stringify(other)}: versions of transformers take different ones`, 'leave the one that the model was trained with');
  };
  return { base: agreed('base', 'rope_theta', BASE_BY_DEFAULT), fraction: agreed('fraction', 'partial_rotary_factor', own.fractionByDefault, 1) };
}

type Refuse = (message: string, fix: string) => never;

function refuseUnknown({ file, refuse, read }: { readonly file: Fields; readonly refuse: Refuse; readonly read: ReadonlySet<string> }): void {
  for (const [name, value] of Object.entries(file)) {
    if (!OF_POSITIONS.test(name) || read.has(name) || value == null || HOLDS[name] === value) continue;
    if (name === 'layer_types' && Array.isArray(value) && value.every((type) => type === 'full_attention')) continue;
    refuse(`${name} is ${JSON.stringify(value)}, a setting of positions that is not known here`, 'leave it out if the model was trained without it; no such model is computed here');
  }
}

function rotaryMapping(file: Fields, refuse: Refuse): { readonly name: string; readonly settings: Fields } | undefined {
  const found = MAPPINGS.flatMap((name): { readonly name: string; readonly settings: Fields }[] => {
    const value = file[name];
    if (value == null) return [];
    if (typeof value !== 'object' || Array.isArray(value)) return refuse(`${name} is ${JSON.stringify(value)}`, 'write a mapping, or null');
    return Object.keys(value).length === 0 ? [] : [{ name, settings: { ...value } }];
  });
  for (const { name, settings } of found) {
    for (const key of ['rope_type', 'type']) {
      if (Object.hasOwn(settings, key) && settings[key] !== 'default') refuse(`${name}.${key} is ${JSON.stringify(settings[key])}`, 'only "default" is computed here');
    }
    const unknown = Object.keys(settings).find((key) => !['rope_type', 'type', 'rope_theta', 'partial_rotary_factor'].includes(key));
    if (unknown !== undefined) refuse(`${name}.${unknown} is ${JSON.stringify(settings[unknown])}`, 'only rope_type, rope_theta and partial_rotary_factor are computed here');
  }
  const [first, second] = found;
  for (const key of ['rope_theta', 'partial_rotary_factor']) {
    if (second !== undefined && first.settings[key] !== second.settings[key]) {
      refuse(`${first.name}.${key} is ${JSON.stringify(first.settings[key]) ?? 'not there'}, and ${second.name}.${key} is ${JSON.stringify(second.settings[key]) ?? 'not there'}: versions of transformers take different ones`, 'leave the mapping that the model was trained with');
    }
  }
  return first;
}
