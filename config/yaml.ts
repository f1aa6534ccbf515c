import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Document, Node, Range } from 'yaml';
import type { FieldPath } from './problem.js';
import { fieldName } from './problem.js';

export interface YamlText {
  readonly value: unknown;
  /** line of a key or list item, from 1 */
  lineOf(path: FieldPath): number | undefined;
  /** what keeps the text from being YAML that can be trusted */
  readonly problems: readonly { readonly line: number; readonly message: string; readonly mend?: string }[];
}

/** YAML 1.2 with source positions; keys set twice are a problem, since the first would be lost in silence. */
export function readYaml(source: string): YamlText {
  const counter = new LineCounter();
  const line = (offset: number): number => counter.linePos(offset).line;
  const document = parseDocument(source, { lineCounter: counter, prettyErrors: false, uniqueKeys: false });
  const problems: YamlText['problems'][number][] = [...document.errors, ...document.warnings].map((error) => ({
    line: line(error.pos[0]),
    message: error.code === 'MULTIPLE_DOCS' ? 'a second YAML document begins, where one is allowed' : `not valid YAML: ${error.message.replace(/\.$/, '')}`,
  }));
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) === undefined) problems.push({ line: line(startOf(alias)), message: `not valid YAML: *${alias.source} refers to no anchor before it` });
    },
  });
  if (problems.length > 0) return { value: undefined, lineOf: () => undefined, problems };
  problems.push(...repeatedKeys(document.contents, [], line));
  try {
    return { value: document.toJS() as unknown, lineOf: (path) => lineOf(document, path, line), problems };
  } catch (error) {
    // aliases of aliases that would unfold to more than memory holds
    return { value: undefined, lineOf: () => undefined, problems: [{ line: 1, message: `not valid YAML: ${error instanceof Error ? error.message : String(error)}` }] };
  }
}

const startOf = (node: { range?: Range | null | undefined }): number => node.range?.[0] ?? 0;
const keyText = (key: unknown): string => String(isScalar(key) ? key.value : key);

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
      ...(before === undefined ? [] : [{ line: here, message: `${fieldName([...at, name])}: set twice, first on line ${before}`, mend: 'keep one of them' }]),
      ...repeatedKeys(value, [...at, name], line),
    ];
  });
}

function lineOf(document: Document, path: FieldPath, line: (offset: number) => number): number | undefined {
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
      const pair = node.items.find((item) => keyText(item.key) === String(key));
      if (pair === undefined) return undefined;
      node = pair.value;
      at = line(startOf(pair.key));
    } else return undefined;
  }
  return at;
}
