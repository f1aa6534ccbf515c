import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configurationDocs, initYaml, jsonSchema, jsonSchemaText, loadConfig, presetNames } from '../../config/index.js';
import { editDistance, nearest } from '../../config/nearest.js';
import { runTree } from '../../config/schema-tree.js';
import type { SchemaNode } from '../../config/schema-tree.js';
import { packageRoot } from '../../lib/package-root.js';
import { load } from './given.js';

const read = (...parts: string[]): string => readFileSync(path.join(packageRoot(), ...parts), 'utf8');

/** Every field with its path; members of a union are told apart by their type. */
function fields(node: SchemaNode, at = ''): { path: string; node: SchemaNode }[] {
  const inside = [
    ...Object.entries(node.properties ?? {}).map(([key, child]) => ({ path: `${at}.${key}`, node: child })),
    ...(node.oneOf ?? []).map((member, i) => ({ path: `${at}<${i}>`, node: member })),
    ...(node.items === undefined ? [] : [{ path: `${at}[]`, node: node.items }]),
  ];
  return inside.flatMap(({ path: here, node: child }) => [{ path: here, node: child }, ...fields(child, here)]);
}
const isNumber = ({ type }: SchemaNode): boolean => type === 'number' || type === 'integer';
const named = fields(runTree()).filter(({ path: at }) => !/[\]>]$/.test(at));

test('every field is described, every number has a unit, every optional value a default', () => {
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter(({ node }) => node.description === undefined).map(({ path: at }) => at)).toEqual([]);
  expect(named.filter(({ node }) => isNumber(node) && node.unit === undefined).map(({ path: at }) => at)).toEqual([]);
});

describe('what is generated is up to date (node dist/config/write-docs.js):', () => {
  test('docs/configuration.md', () => expect(read('docs', 'configuration.md')).toBe(configurationDocs()));
  test('config/run.schema.json', () => expect(read('config', 'run.schema.json')).toBe(jsonSchemaText()));
});

test('the configuration page names every field', () => {
  const docs = configurationDocs();
  for (const { path: at } of named) expect(docs).toContain(at.split(/[.<>[\]0-9]+/).at(-1));
});

describe('bliss init', () => {
  const text = initYaml();

  test('writes a file that loads as it is: the demo on own files', () => {
    expect(load(text).config).toEqual(
      load("extends: demo\nname: my-run\ndata: { sources: [{ type: files, name: corpus, paths: ['corpus/*.jsonl'] }] }\nheldOut: { source: { type: files, paths: ['held-out/*.jsonl'] } }\n").config,
    );
  });

  test('writes every field of the resolved configuration, and the schema in the first line', () => {
    expect(text.split('\n', 1)[0]).toBe('# yaml-language-server: $schema=./run.schema.json');
    expect(initYaml({ schemaFile: '../s.json' }).split('\n', 1)[0]).toBe('# yaml-language-server: $schema=../s.json');
    // nothing is left to a default
    expect(parse(text)).toEqual(load(text).config);
    expect(text).toMatch(/^ {2}# from: \.\.\./m);
  });

  test('says beside a field what it means, may hold, its unit and its default', () => {
    expect(text).toContain('\n  outerSteps: 60 # S, outer steps per round (an integer ≥ 1 [steps]; default 3000)\n');
  });
});

describe("the editor's schema", () => {
  const schema = jsonSchema();

  test('is closed, offers the presets, and requires fields only of a file that extends none', () => {
    expect(schema).toMatchObject({
      additionalProperties: false,
      properties: { extends: { enum: presetNames() } },
      if: { required: ['extends'] },
      else: {
        required: ['name', 'data', 'tokenizer', 'heldOut', 'models', 'warmUp', 'pretraining'],
        properties: { data: { required: ['sources', 'rowsPerGroup'] } },
      },
    });
    expect(schema).not.toHaveProperty('required');
    expect(schema).not.toHaveProperty('properties.data.required');
  });

  test('folds the unit into the description and keeps defaults', () => {
    expect(schema).toHaveProperty('properties.rounds', { type: 'integer', minimum: 1, default: 4, description: 'R, rounds of selection and pretraining (unit: rounds)' });
    expect(jsonSchemaText()).not.toContain('"unit"');
  });
});

test('Levenshtein distances, and names too far off to be meant', () => {
  expect([editDistance('kitten', 'sitting'), editDistance('', 'abc'), editDistance('flaw', 'lawn'), editDistance('same', 'same')]).toEqual([3, 3, 2, 0]);
  expect(nearest('batchsize', ['batchSize', 'steps'])).toBe('batchSize');
  expect(nearest('zzzz', ['steps', 'adam'])).toBeUndefined();
});

test('every preset says in its first line what it is', () => {
  for (const name of presetNames()) expect(read('config', 'presets', `${name}.yaml`)).toMatch(/^# \S.{20,}\n/);
  expect(loadConfig({ source: 'smoke' }).config.runtime.compiler).toBe('graph');
});
