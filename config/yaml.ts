import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Document, Node, Pair, Range, YAMLMap } from 'yaml';
import type { FieldPath } from './problem.js';
import { expected, fieldName } from './problem.js';

export interface YamlText {
  readonly value: unknown;
  /** line of a key or list item, from 1 */
  lineOf(path: FieldPath): number | undefined;
  /** what keeps the text from being YAML that can be trusted */
  readonly problems: readonly { readonly line: number; readonly message: string; readonly fix?: string }[];
}

/** uses of an alias, which may hold aliases itself: more than people write, and less than fills the memory */
const MOST_ALIASES = 500;
const MERGE = '<<';

/** YAML 1.2 with source positions, and 1.1's merge keys (`<<: *base`); keys set twice are a problem, since the first would be lost in silence. */
export function readYaml(source: string): YamlText {
  const counter = new LineCounter();
  const line = (offset: number): number => counter.linePos(offset).line;
  const document = parseDocument(source, { lineCounter: counter, prettyErrors: false, uniqueKeys: false, merge: true });
  const problems: YamlText['problems'][number][] = [...document.errors, ...document.warnings].map((error) => ({
    line: line(error.pos[0]),
    message: error.code === 'MULTIPLE_DOCS' ? 'a second YAML document begins, where one is allowed' : `not valid YAML: ${error.message.replace(/\.$/, '')}`,
  }));
  const anchors = new Map<string, Node>();
  visit(document, {
    Node: (_, node) => {
      if (!isAlias(node)) return void (node.anchor === undefined ? undefined : anchors.set(node.anchor, node));
      if (anchors.has(node.source)) return;
      // no name that anybody gives an anchor
      const isGlob = /[^\w-]/.test(node.source);
      problems.push({ line: line(startOf(node)), message: `not valid YAML: *${node.source} refers to no anchor before it`, ...(isGlob ? { fix: `write it in quotes, as a text that begins with * stands in them: "*${node.source}"` } : {}) });
    },
    Pair: (_, { key, value }) => {
      const merged = isSeq<Node>(value) ? value.items : [value];
      const wrong = isMergeKey(key) && !merged.every((one) => isMap(isAlias(one) ? (anchors.get(one.source) ?? one) : one));
      if (wrong && isScalar(key)) problems.push({ line: line(startOf(key)), message: `${MERGE}: ${expected('something else', 'a mapping with an anchor, or a list of them')}`, fix: `write ${MERGE}: *name, and &name before that mapping` });
    },
  });
  if (problems.length > 0) return { value: undefined, lineOf: () => undefined, problems };
  for (const repeated of repeatedKeys(document.contents, [], line)) problems.push(repeated);
  try {
    return { value: document.toJS({ maxAliasCount: MOST_ALIASES }) as unknown, lineOf: lineFinder(document, line), problems };
  } catch (error) {
    // aliases of aliases that would unfold to more than memory holds
    return { value: undefined, lineOf: () => undefined, problems: [{ line: 1, message: `not valid YAML: ${error instanceof Error ? error.message : String(error)}` }] };
  }
}

const startOf = (node: { range?: Range | null | undefined }): number => node.range?.[0] ?? 0;
/** `<<` that is not quoted */
const isMergeKey = (key: unknown): boolean => isScalar(key) && typeof key.value === 'symbol';
const keyText = (key: unknown): string => (isMergeKey(key) ? MERGE : String(isScalar(key) ? key.value : key));

function repeatedKeys(node: unknown, at: FieldPath, line: (offset: number) => number): YamlText['problems'][number][] {
  if (isSeq(node)) return node.items.flatMap((item, i) => repeatedKeys(item, [...at, i], line));
  if (!isMap<Node, Node>(node)) return [];
  const first = new Map<string, number>();
  return node.items.flatMap(({ key, value }) => {
    const name = keyText(key);
    const here = line(startOf(key));
    const before = first.get(name);
    if (before === undefined) first.set(name, here);
    return [
      ...(before === undefined ? [] : [{ line: here, message: `${fieldName([...at, name])}: set twice, first on line ${before}`, fix: isMergeKey(key) ? `write ${MERGE}: [*a, *b]` : 'keep one of them' }]),
      ...repeatedKeys(value, [...at, name], line),
    ];
  });
}

/** Lines of fields; a mapping is indexed once, as a file that is wrong may be wrong in every key. */
function lineFinder(document: Document, line: (offset: number) => number): YamlText['lineOf'] {
  const indexes = new Map<YAMLMap<Node, Node>, ReadonlyMap<string, Pair<Node, Node>>>();
  const pairsOf = (map: YAMLMap<Node, Node>): ReadonlyMap<string, Pair<Node, Node>> => {
    const known = indexes.get(map);
    if (known !== undefined) return known;
    // the first of those that it merges counts, and its own before them
    const merged = map.items.flatMap(({ key, value }) => (isMergeKey(key) ? (isSeq<Node>(value) ? value.items : [value]) : [])).map((one) => (isAlias(one) ? one.resolve(document) : one));
    const index = new Map([...merged.toReversed().flatMap((one) => (isMap<Node, Node>(one) ? [...pairsOf(one)] : [])), ...map.items.filter(({ key }) => !isMergeKey(key)).map((pair) => [keyText(pair.key), pair] as const)]);
    indexes.set(map, index);
    return index;
  };
  return (path) => {
    let node: unknown = document.contents;
    let at = isMap(node) || isSeq(node) ? line(startOf(node)) : 1;
    for (const key of path) {
      if (isAlias(node)) node = node.resolve(document);
      if (isSeq<Node>(node) && typeof key === 'number') {
        const item: Node | undefined = node.items[key];
        if (item === undefined) return undefined;
        node = item;
        at = line(startOf(item));
      } else if (isMap<Node, Node>(node)) {
        const pair = pairsOf(node).get(String(key));
        if (pair === undefined) return undefined;
        node = pair.value;
        at = line(startOf(pair.key));
      } else return undefined;
    }
    return at;
  };
}
