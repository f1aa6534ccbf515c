import { parse, stringify } from 'yaml';
import { readFileSync } from 'node:fs';
import { merge } from './layers.js';
import { presetFile } from './presets.js';
import { allowedText, discriminator, isRecord, memberFor, runTree } from './schema-tree.js';
import type { SchemaNode } from './schema-tree.js';

/** Where `bliss init` writes the JSON Schema, beside the file. */
export const SCHEMA_FILE = 'run.schema.json';

/** What differs from the demo: the user's own texts, in the folder of the file. */
const OWN_FILES = {
  name: 'my-run',
  data: { sources: [{ type: 'files', name: 'corpus', paths: ['corpus/*.jsonl'] }] },
  heldOut: { source: { type: 'files', paths: ['held-out/*.jsonl'] } },
};

const WIDTH = 120;

/**
 * The text of a run's file with every section and every field: values of a small run on the user's own files,
 * with what each field means, may hold and is by default. It loads as it is.
 * @param schemaFile path of the JSON Schema, relative to the file, for editors
 */
export function initYaml({ schemaFile = SCHEMA_FILE }: { readonly schemaFile?: string } = {}): string {
  const values = merge(parse(readFileSync(presetFile('demo'), 'utf8')), OWN_FILES);
  return [
    `# yaml-language-server: $schema=${schemaFile.startsWith('.') || schemaFile.startsWith('/') ? schemaFile : `./${schemaFile}`}`,
    '# A run of BLISS Pipeline: a small model on two cores. Put your own files into data.sources and heldOut.source;',
    '# paths start from the folder of this file. A line that is removed takes the default named beside it.',
    '# Or keep only what differs from a preset, below a line "extends: demo".',
    ...fields(runTree(), isRecord(values) ? values : {}, ''),
    '',
  ].join('\n');
}

function fields(node: SchemaNode, values: Readonly<Record<string, unknown>>, indent: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => field(key, child, values[key] ?? child.default, indent));
}

function field(key: string, node: SchemaNode, value: unknown, indent: string): string[] {
  const member = memberFor(node, value);
  if (member?.properties !== undefined) {
    const inner = `${indent}  `;
    const lines = [`${indent}${key}:${node.description === undefined ? '' : ` # ${node.description}`}`, ...choice(node, inner), ...fields(member, isRecord(value) ? value : {}, inner)];
    return [...(indent === '' ? [''] : []), ...(value === undefined ? commentedOut(lines, indent) : lines)];
  }
  if (node.items?.oneOf !== undefined || node.items?.properties !== undefined) return list(key, node, value, indent);
  const written = `${indent}${value === undefined ? '# ' : ''}${key}: ${value === undefined ? '...' : inline(value)}`;
  return comment(written, meaning(node), indent);
}

/** A section that is not there by default: shown, and left out. */
const commentedOut = (lines: readonly string[], indent: string): string[] => lines.map((line) => `${indent}# ${line.slice(indent.length)}`);

function list(key: string, node: SchemaNode, value: unknown, indent: string): string[] {
  const items = node.items;
  if (items === undefined || !Array.isArray(value)) return [];
  return [
    `${indent}${key}: # ${node.description ?? ''}`,
    ...choice(items, `${indent}  `),
    ...value.flatMap((item: unknown) => {
      const member = memberFor(items, item);
      const lines = member === undefined || !isRecord(item) ? [] : fields(member, item, `${indent}    `);
      return lines.map((line, i) => (i === 0 ? line.replace(`${indent}    `, `${indent}  - `) : line));
    }),
  ];
}

/** The other members of a union, one line each, with what they ask for. */
function choice(node: SchemaNode, indent: string): string[] {
  const by = discriminator(node);
  if (by === undefined) return [];
  return (node.oneOf ?? []).flatMap((member) => {
    const own = member.properties?.[by.key];
    const needs = (member.required ?? []).filter((name) => name !== by.key);
    return [`${indent}# ${by.key}: ${own?.const}${needs.length === 0 ? '' : `, with ${needs.join(', ')}`}: ${own?.description ?? ''}`];
  });
}

function meaning(node: SchemaNode): string {
  const unit = node.unit === undefined || node.unit === '1' ? '' : ` [${node.unit}]`;
  const preset = node.default === undefined ? '' : `; default ${inline(node.default)}`;
  const allowed = node.const === undefined ? ` (${allowedText(node)}${unit}${preset})` : '';
  return `${node.description ?? ''}${allowed}`;
}

/** Beside the field where it fits, else above it. */
function comment(written: string, text: string, indent: string): string[] {
  const beside = `${written} # ${text}`;
  return beside.length <= WIDTH ? [beside] : [`${indent}# ${text}`, written];
}

const inline = (value: unknown): string => stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim();
