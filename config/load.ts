import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { BlissError } from '../lib/errors.js';
import { configDigest } from './digest.js';
import { foundText, problemsOf } from './issues.js';
import { locate, merge } from './layers.js';
import type { Layer } from './layers.js';
import { nearest } from './nearest.js';
import { applyOverrides, readOverride } from './overrides.js';
import type { Override } from './overrides.js';
import { withoutNoFeatures } from './no-features.js';
import { applyParity } from './parity.js';
import { withHome } from './paths.js';
import { presetFile, presetNames } from './presets.js';
import { expected, fieldName, problemText } from './problem.js';
import { runSchema } from './schema.js';
import type { RunConfig } from './schema.js';
import { isRecord } from './schema-tree.js';
import { requireSmall, requireSmallText } from './size.js';
import { readYaml } from './yaml.js';

export interface LoadConfigInput {
  /** a preset's name or the path of a YAML file, relative to `cwd` */
  readonly source: string;
  /** `pretraining.steps=200`, as `--set` takes them; later ones win */
  readonly overrides?: readonly string[];
  readonly cwd?: string;
}

export interface LoadedConfig {
  /** whole: every default filled in, extends and parity applied */
  readonly config: RunConfig;
  /** folder that relative paths start from: the file's own, for a preset `cwd` */
  readonly configFolder: string;
  readonly origin: { readonly kind: 'preset' | 'file'; readonly name: string };
  /** `config` as YAML; loading it gives the same digest */
  readonly text: string;
  /** sha256 of the canonical JSON of `config`, hex */
  readonly digest: string;
  /** what is allowed but probably not meant, one sentence each */
  readonly notes: readonly string[];
}

/** More lines than this bury the first, which is usually the cause. */
const MOST_PROBLEMS = 20;
const BY_LINE = new Intl.Collator('en', { numeric: true });

/** A problem with the place to show. */
interface Placed {
  readonly where: string;
  readonly text: string;
  readonly fix?: string | undefined;
}

/**
 * Reads, merges and checks a run's configuration: presets, then the file, then the overrides.
 * @throws BlissError ConfigInvalid that names every problem found, one a line
 */
export function loadConfig({ source, overrides = [], cwd = process.cwd() }: LoadConfigInput): LoadedConfig {
  const { origin, file, label } = findSource(source, cwd);
  const layers: Layer[] = readLayers({ file, label, own: origin.kind === 'file', seen: origin.kind === 'preset' ? [origin.name] : [] });
  const given = layers.reduce<unknown>((tree, layer) => merge(tree, layer.value), {});
  const { overridden, set } = override(given, overrides);
  const all = [...layers, ...set];
  const { tree, problems } = applyParity(withoutNoFeatures(withHome(overridden), all), all);
  const parsed = runSchema.safeParse(tree);
  const found = [...problems, ...(parsed.success ? [] : problemsOf(parsed.error.issues, tree))];
  if (!parsed.success || found.length > 0) {
    fail(
      label,
      found.map((problem) => ({ where: locate({ layers: all, tree, ...problem }) ?? label, text: problemText({ path: problem.path, message: problem.message }), fix: problem.fix })),
    );
  }
  const config = parsed.data;
  requireSmall(config, label);
  return {
    config,
    configFolder: origin.kind === 'file' ? path.dirname(file) : path.resolve(cwd),
    origin,
    text: stringify(config, { lineWidth: 0, aliasDuplicateObjects: false }),
    digest: configDigest(config),
    notes: notes(config),
  };
}

function findSource(source: string, cwd: string): { origin: LoadedConfig['origin']; file: string; label: string } {
  const presets = presetNames();
  if (presets.includes(source)) return { origin: { kind: 'preset', name: source }, file: presetFile(source), label: `preset ${source}` };
  const file = path.resolve(cwd, source);
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat?.isFile() === true) return { origin: { kind: 'file', name: source }, file, label: source };
  const near = nearest(source, presets);
  throw new BlissError({
    code: 'ConfigInvalid',
    where: source === '' ? '""' : source,
    message: stat === undefined ? 'neither a file nor a preset' : 'a folder, where a YAML file or a preset is needed',
    fix: `${near === undefined ? '' : `did you mean ${near}? `}presets: ${presets.join(', ')}; "bliss init FILE" writes a file to start from`,
  });
}

/** The file and, before it, the presets that it extends. */
function readLayers({ file, label, own, seen }: { file: string; label: string; own: boolean; seen: readonly string[] }): Layer[] {
  const text = readText(file, label);
  requireSmallText(text, label);
  const yaml = readYaml(text);
  const at = (line: number): string => `${label}:${line}`;
  if (yaml.problems.length > 0) fail(label, yaml.problems.map(({ line, message, fix }) => ({ where: at(line), text: message, fix })));
  if (!isRecord(yaml.value)) {
    const what = yaml.value === null ? 'nothing' : foundText(yaml.value);
    return fail(label, [{ where: at(1), text: expected(what, 'a mapping of the run’s fields'), fix: '"bliss init FILE" writes a file to start from' }]);
  }
  const { extends: base, ...value } = yaml.value;
  const layer: Layer = {
    value,
    own,
    locate: (field) => {
      const line = yaml.lineOf(field);
      return line === undefined ? undefined : at(line);
    },
  };
  if (!Object.hasOwn(yaml.value, 'extends')) return [layer];
  const presets = presetNames().filter((name) => !seen.includes(name));
  if (typeof base !== 'string' || !presets.includes(base)) {
    const near = typeof base === 'string' ? nearest(base, presets) : undefined;
    const fix = near === undefined ? undefined : `did you mean ${near}?`;
    return fail(label, [{ where: at(yaml.lineOf(['extends']) ?? 1), text: `extends: ${expected(foundText(base), `a preset, one of ${presets.join(', ')}`)}`, fix }]);
  }
  return [...readLayers({ file: presetFile(base), label: `preset ${base}`, own: false, seen: [...seen, base] }), layer];
}

function readText(file: string, label: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new BlissError({ code: 'ConfigInvalid', where: label, message: `cannot be read (${error instanceof Error ? error.message : String(error)})`, fix: 'make it readable', cause: error });
  }
}

/** The tree with the overrides in it. */
function override(given: unknown, texts: readonly string[]): { readonly overridden: unknown; readonly set: readonly Override[] } {
  const problems: Placed[] = [];
  const set: Override[] = [];
  for (const text of texts) {
    const read = readOverride(text);
    if ('wrong' in read) problems.push({ where: `--set ${text}`, text: read.wrong, fix: read.fix });
    else set.push(read);
  }
  const { tree, missed } = applyOverrides(given, set);
  for (const { override: one, list, length } of missed) {
    const found = expected(`"${String(one.path[list.length])}"`, `a number from 0 to ${length - 1}`);
    problems.push({ where: one.locate(one.path) ?? '--set', text: `${fieldName(list)} is a list of ${length}: ${found}`, fix: `or set the whole list: --set '${fieldName(list)}=[...]'` });
  }
  if (problems.length > 0) fail('--set', problems);
  return { overridden: tree, set };
}

function fail(label: string, problems: readonly Placed[]): never {
  const [only] = problems;
  if (only !== undefined && problems.length === 1) {
    throw new BlissError({ code: 'ConfigInvalid', where: only.where, message: only.text, ...(only.fix === undefined ? {} : { fix: only.fix }) });
  }
  const lines = problems.toSorted((a, b) => BY_LINE.compare(a.where, b.where)).slice(0, MOST_PROBLEMS).map(({ where, text, fix }) => `${where}: ${text}${fix === undefined ? '' : `; ${fix}`}`);
  if (problems.length > MOST_PROBLEMS) lines.push(`and ${problems.length - MOST_PROBLEMS} more`);
  throw new BlissError({ code: 'ConfigInvalid', where: label, message: `${problems.length} problems`, list: lines });
}

function notes({ bilevel, warmUp, pretraining, worker: { keepCheckpointsEvery = 0 } }: RunConfig): string[] {
  const stages = [
    { field: 'bilevel.checkpointEvery', every: bilevel.checkpointEvery, steps: bilevel.outerSteps, of: 'bilevel.outerSteps' },
    ...(bilevel.laterOuterSteps === undefined ? [] : [{ field: 'bilevel.checkpointEvery', every: bilevel.checkpointEvery, steps: bilevel.laterOuterSteps, of: 'bilevel.laterOuterSteps' }]),
    { field: 'pretraining.checkpointEvery', every: pretraining.checkpointEvery, steps: pretraining.steps, of: 'pretraining.steps' },
    { field: 'pretraining.checkpointEvery', every: pretraining.checkpointEvery, steps: warmUp.steps, of: 'warmUp.steps' },
  ];
  const unsaved = stages
    .filter(({ every, steps }) => every > steps)
    .map(({ field, every, steps, of }) => `${field} ${every} is more than ${of} ${steps}: that stage saves no checkpoint and starts over when it is killed`);
  // the last step is the stage's result, and no checkpoint
  const unkept = stages
    .filter(({ every, steps }) => keepCheckpointsEvery > 0 && every <= steps && leastCommonMultiple(every, keepCheckpointsEvery) >= steps)
    .map(({ field, every, steps, of }) => `worker.keepCheckpointsEvery ${keepCheckpointsEvery} keeps none of a stage of ${of} ${steps} with ${field} ${every}`);
  return [...unsaved, ...unkept];
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));
const leastCommonMultiple = (a: number, b: number): number => (a / greatestCommonDivisor(a, b)) * b;
