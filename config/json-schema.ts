import { discriminator, isRecord, runTree } from './schema-tree.js';
import type { SchemaNode } from './schema-tree.js';
import { presetNames } from './presets.js';

/** A JSON Schema as it is written to a file. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema of a run's file, draft 7, for editors. A file that extends a preset may leave out anything, so
 * fields are required only in the `else` of "has extends". Within lists everything stays required: they replace.
 */
export function jsonSchema(): JsonSchema {
  const tree = runTree();
  const base: SchemaNode = { type: 'string', enum: presetNames(), description: 'preset that the file starts from' };
  return {
    title: 'A run of BLISS Pipeline',
    ...optional({ ...tree, properties: { extends: base, ...tree.properties } }, true),
    if: { required: ['extends'] },
    // a description would show twice, so the conditions carry names alone
    else: requirements(tree) ?? {},
  };
}

/** `jsonSchema()` as the text of `run.schema.json`. */
export const jsonSchemaText = (): string => `${JSON.stringify(jsonSchema(), undefined, 2)}\n`;

/** The tree for editors: units within the descriptions, nothing required outside lists, unions open to parts of a member. */
function optional(node: SchemaNode, open: boolean): Record<string, unknown> {
  const { unit, fix: _said, required, oneOf, anyOf, properties, items, description, default: preset, ...rest } = node;
  return {
    ...rest,
    ...(description === undefined ? {} : { description: unit === undefined || unit === '1' ? description : `${description} (unit: ${unit})` }),
    ...(preset === undefined || (isRecord(preset) && Object.keys(preset).length === 0) ? {} : { default: preset }),
    ...(open || required === undefined ? {} : { required }),
    ...(properties === undefined ? {} : { properties: mapValues(properties, (child) => optional(child, open)) }),
    ...(items === undefined ? {} : { items: optional(items, false) }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map((member) => optional(member, open)) }),
    ...(oneOf === undefined ? {} : { [open ? 'anyOf' : 'oneOf']: oneOf.map((member) => optional(member, open)) }),
  };
}

/** What a whole file must have, as a schema of `required` alone; undefined where nothing is. */
function requirements(node: SchemaNode): JsonSchema | undefined {
  const by = discriminator(node);
  if (by !== undefined) {
    return {
      anyOf: node.oneOf?.map((member) => ({ properties: { [by.key]: { const: member.properties?.[by.key]?.const } }, required: member.required })),
    };
  }
  const inside = Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const needs = requirements(child);
    return needs === undefined ? [] : [[key, needs] as const];
  });
  if (inside.length === 0 && (node.required ?? []).length === 0) return undefined;
  return {
    ...(inside.length === 0 ? {} : { properties: Object.fromEntries(inside) }),
    ...(node.required === undefined ? {} : { required: node.required }),
  };
}

const mapValues = <In, Out>(record: Readonly<Record<string, In>>, map: (value: In) => Out): Record<string, Out> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
