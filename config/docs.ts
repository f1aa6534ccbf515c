import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { RELEASE_LACKS, RELEASE_VALUES } from './parity.js';
import { presetFile, presetNames } from './presets.js';
import { fieldName } from './problem.js';
import { allowedText, discriminator, runTree } from './schema-tree.js';
import type { SchemaNode } from './schema-tree.js';

/** docs/configuration.md, read off the schemas, the presets and the parity table. */
export function configurationDocs(): string {
  const tree = runTree();
  const sections = Object.entries(tree.properties ?? {});
  const single = sections.filter(([, node]) => !isSection(node));
  return `${[
    INTRODUCTION,
    presets(),
    FIELDS,
    table(single, tree.required),
    ...sections.filter(([, node]) => isSection(node)).map(([name, node]) => section(name, node)),
    parity(),
    ERRORS,
  ].join('\n\n')}\n`;
}

const INTRODUCTION = `<!-- Generated from config/ by "node dist/config/write-docs.js"; edits here are lost. -->
# Configuration of a run

A run is a YAML 1.2 file, or one of the presets by name:

    npx bliss init run.yaml                          # a file with every field, its meaning and its default
    npx bliss run run.yaml
    npx bliss run demo --set pretraining.steps=200   # one field set otherwise

A file may start from a preset and say only what differs. Mappings are merged key by key. Lists, values and mappings of
another \`type\` or \`architecture\` replace what was there:

    extends: demo
    name: longer
    rounds: 4
    bilevel: { score: { peakLearningRate: 1.0e-4 } }

Anchors and merge keys (\`<<: *base\`) are read as in YAML 1.1. A text that begins with \`*\`, as a glob may, must be in quotes: \`paths: ["*.jsonl"]\`.
The whole configuration is given to Temporal in one piece, so it may have at most 2 MB: name folders or globs instead of thousands of files.

\`--set FIELD=VALUE\` is applied last and may be repeated. FIELD is a path with dots; entries of lists are numbered from 0
(\`--set data.sources.0.name=web\`). VALUE is YAML (\`--set 'seeds=[1, 2, 3]'\`). Relative paths start from the folder of the file, for a
preset from the folder you are in; \`~/\` is your home folder.

Editors with a YAML language server complete and check the fields. They use the JSON Schema that \`bliss init\` writes next to the file and names in
its first line (\`config/run.schema.json\` here).`;

const FIELDS = `## Fields

Unit 1 is a pure number.`;

const ERRORS = `## Errors

The whole configuration is checked before anything starts, also whether fields fit each other: minibatches fit the rows that they are
drawn from, heads divide the width, the tokenizer fits the vocabulary. All problems are shown at once, each with its line, what was found, what is allowed and, where it is known, the fix:

    run.yaml:12: pretraining.steps: found "ten", allowed: an integer ≥ 1
    run.yaml:14: pretraining.batchsize: unknown key; did you mean batchSize?
    --set models.proxy.heads=5: models.proxy.heads: found 5, allowed: a divisor of width 96; write 4`;

function presets(): string {
  const rows = presetNames().map((name) => {
    const first = readFileSync(presetFile(name), 'utf8').split('\n', 1)[0] ?? '';
    return `| [\`${name}\`](../config/presets/${name}.yaml) | ${cell(first.replace(/^# /, ''))} |`;
  });
  return ['## Presets', '', '| preset | what it is |', '|---|---|', ...rows].join('\n');
}

function parity(): string {
  return [
    '## `parity: release`',
    '',
    'Sets every departure from the authors’ release back ([method §6](method.md#6-departures-from-the-release)). It overrides what a preset says; a field of your own that contradicts it is an error.',
    '',
    '| field | becomes | in the release |',
    '|---|---|---|',
    ...RELEASE_VALUES.map(({ path, value, because }) => `| \`${fieldName(path)}\` | \`${JSON.stringify(value)}\` | ${cell(because)} |`),
    ...RELEASE_LACKS.map(({ path, because }) => `| \`${fieldName(path)}\` | absent | ${cell(because)} |`),
  ].join('\n');
}

const isSection = (node: SchemaNode): boolean => node.properties !== undefined || node.oneOf !== undefined;

function section(name: string, node: SchemaNode): string {
  return [`### ${name}`, '', sentence(node.description), '', table(Object.entries(node.properties ?? {}), node.required), ...members(node, name)].filter((part, i, all) => part !== '' || all[i - 1] !== '').join('\n').trimEnd();
}

function table(fields: readonly (readonly [string, SchemaNode])[], required: readonly string[] = []): string {
  const rows = fields.flatMap(([key, node]) => row(key, node, required.includes(key)));
  return rows.length === 0 ? '' : ['| field | allowed | unit | default | meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

/** A field; of a mapping its fields, of a union a pointer to the tables of its members. */
function row(path: string, node: SchemaNode, required: boolean): string[] {
  const inside = ({ properties = {}, required: needed = [] }: SchemaNode, at: string): string[] =>
    Object.entries(properties).flatMap(([key, child]) => row(`${at}.${key}`, child, needed.includes(key)));
  if (node.properties !== undefined) return inside(node, path);
  const preset = node.default === undefined ? (required ? 'required' : 'optional') : `\`${cell(flow(node.default))}\``;
  const allowed = node.items?.properties === undefined ? allowedText(node) : `a list of mappings of ${Object.keys(node.items.properties).join(', ')}`;
  return [
    `| \`${path}\` | ${cell(allowed)} | ${node.unit ?? ''} | ${preset} | ${cell(node.description ?? '')} |`,
    ...(node.items === undefined ? [] : inside(node.items, `${path}.N`)),
  ];
}

/** Tables of the members of every union below a section, one for each union that reads alike. */
function members(node: SchemaNode, path: string): string[] {
  if (node.oneOf !== undefined) {
    const by = discriminator(node);
    return node.oneOf.flatMap((member) => {
      const kind = by === undefined ? undefined : member.properties?.[by.key];
      const fields = Object.entries(member.properties ?? {}).filter(([key]) => key !== by?.key);
      return ['', `**\`${path}\` with \`${by?.key}: ${kind?.const}\`**: ${kind?.description ?? ''}`, ...(fields.length === 0 ? [] : ['', table(fields, member.required)])];
    });
  }
  if (node.items !== undefined) return members(node.items, `${path}.N`);
  const below = Object.entries(node.properties ?? {}).map(([key, child]) => ({ path: `${path}.${key}`, child, same: JSON.stringify(child.oneOf ?? key) }));
  return below.flatMap(({ path: at, child, same }, i) => {
    if (below.findIndex((other) => other.same === same) !== i) return [];
    const alike = below.filter((other) => other.same === same).map((other) => other.path);
    return members(child, child.oneOf === undefined ? at : alike.join('` and `'));
  });
}

const sentence = (text = ''): string => (text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`);
const cell = (text: string): string => text.replaceAll('|', '\\|');
const flow = (value: unknown): string => stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim();
