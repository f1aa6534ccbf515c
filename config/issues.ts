import type { z } from 'zod';
import { valueAt } from './layers.js';
import { nearest } from './nearest.js';
import { expected } from './problem.js';
import type { FieldPath, Problem } from './problem.js';
import { allowedText, discriminator, isRecord, memberFor, nodeAt, placesOf } from './schema-tree.js';
import type { SchemaNode } from './schema-tree.js';

/** zod's findings in a reader's words. `tree` is the configuration that was checked. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], tree: unknown): Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], tree));
    if (issue.code === 'custom') {
      const problem: unknown = issue.params?.['problem'];
      return [isProblem(problem) ? problem : { path, message: issue.message }];
    }
    return isMisspelt(path, tree) ? [] : [wrongValue(path, tree)];
  });
}

const isProblem = (value: unknown): value is Problem => isRecord(value) && Array.isArray(value['path']) && typeof value['message'] === 'string';

function unknownKey(path: FieldPath, tree: unknown): Problem {
  const parent = path.slice(0, -1);
  const key = String(path.at(-1));
  const node = nodeAt(parent, tree);
  const known = Object.keys((node === undefined ? undefined : memberFor(node, valueAt(tree, parent)))?.properties ?? {});
  if (parent.length === 0) known.push('extends');
  const message = 'unknown key';
  const near = nearest(key, known);
  if (near !== undefined) return { path, message, fix: `did you mean ${near}?` };
  const by = node === undefined ? undefined : discriminator(node);
  const owner = node?.oneOf?.find((member) => member.properties?.[key] !== undefined)?.properties?.[by?.key ?? '']?.const;
  if (owner !== undefined) return { path, message, fix: `${key} is for ${by?.key}: ${owner}` };
  const elsewhere = placesOf(key);
  if (elsewhere.length > 0) return { path, message, fix: `${key} belongs in ${elsewhere.slice(0, 3).map((place) => place.slice(0, -key.length - 1) || 'the top level').join(' or ')}` };
  return { path, message, fix: `known here: ${known.join(', ')}` };
}

function wrongValue(path: FieldPath, tree: unknown): Problem {
  const node = nodeAt(path, tree);
  const found = valueAt(tree, path);
  if (node === undefined) return { path, message: expected(foundText(found), 'another value') };
  const message = expected(foundText(found), allowedText(node));
  const fix = found === undefined ? missingFix(path, node) : valueFix(found, node);
  return { path, message, ...(fix === undefined ? {} : { fix }) };
}

/** `"ten"`, `nothing`, `a list of 3`, as an error shows what stands in a file. */
export function foundText(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (an empty value)';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (isRecord(value)) return 'a mapping';
  if (typeof value === 'number' || typeof value === 'boolean') return `${value}`;
  if (typeof value !== 'string') return `a ${typeof value}`;
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}

/** A field that is missing because its key is misspelt: the unknown key beside it is reported already. */
function isMisspelt(path: FieldPath, tree: unknown): boolean {
  const parent = path.slice(0, -1);
  const siblings = valueAt(tree, parent);
  if (valueAt(tree, path) !== undefined || !isRecord(siblings)) return false;
  const node = nodeAt(parent, tree);
  const known = Object.keys((node === undefined ? undefined : memberFor(node, siblings))?.properties ?? {});
  return Object.keys(siblings).some((key) => !known.includes(key) && nearest(key, known) === path.at(-1));
}

function missingFix(path: FieldPath, node: SchemaNode): string {
  const by = discriminator(node);
  const example = node.enum?.[0] ?? (by === undefined ? undefined : `{${by.key}: ${by.values[0]}, ...}`) ?? (node.type === 'object' ? requiredText(node) : undefined);
  return `add ${String(path.at(-1))}:${example === undefined ? '' : ` ${example}`}`;
}

const requiredText = (node: SchemaNode): string => `{${(node.required ?? []).map((key) => `${key}: ...`).join(', ')}}`;

function valueFix(found: unknown, node: SchemaNode): string | undefined {
  if (found === null) return node.default === undefined ? 'give it a value, or remove the key' : 'remove the key to take its default';
  const kinds = [node, ...(node.anyOf ?? [])];
  const choices = kinds.flatMap((kind) => kind.enum ?? (kind.const === undefined ? [] : [kind.const]));
  if (typeof found === 'string') {
    const near = nearest(found, choices);
    if (near !== undefined) return `did you mean ${near}?`;
    const number = Number(found.replaceAll(/[_, ]/g, ''));
    if (kinds.some((kind) => kind.type === 'integer' || kind.type === 'number') && found.trim() !== '' && Number.isFinite(number)) return `write ${number}`;
    if (node.type === 'boolean' && /^(yes|on|no|off|true|false)$/i.test(found)) return `write ${/^(yes|on|true)$/i.test(found)}`;
  }
  if (typeof found === 'number' && node.type === 'integer' && Number.isFinite(found) && !Number.isInteger(found)) return `write ${Math.max(Math.round(found), node.minimum ?? 0)}`;
  if ((typeof found === 'number' || typeof found === 'boolean') && node.type === 'string' && new RegExp(node.pattern ?? '').test(String(found))) return `write "${found}"`;
  if (node.type === 'array' && !Array.isArray(found) && !isRecord(found)) return `write [${foundText(found)}]`;
  return node.fix;
}

