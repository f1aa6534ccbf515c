import { idOf } from './columns.js';
import { field, type FileRecord } from './records.js';

export interface JsonId extends Pick<FileRecord, 'at' | 'record'> {
  /** the text that the record was parsed from */
  readonly json: string;
  /** `a.b` for nested ones */
  readonly idColumn: string | undefined;
}

/** The document's own id. A number is its digits as they are written: beyond 2^53 several would become one number, and 1e3 is not 1000. @throws BlissError DataInvalid where it is none */
export function jsonIdOf({ record, json, idColumn, at }: JsonId): string | undefined {
  if (idColumn === undefined || typeof field(record, idColumn) !== 'number') return idOf(record, idColumn, at);
  return valueAsWritten(json, idColumn in record ? [idColumn] : idColumn.split('.'));
}

/** What stands at a path of keys in JSON that parses; of a key that comes twice the last, as JSON.parse takes it. */
export function valueAsWritten(json: string, keys: readonly string[]): string | undefined {
  let [start, end] = [skipBlank(json, 0), json.length];
  for (const key of keys) {
    let found: readonly [number, number] | undefined;
    for (const member of members(json, start)) if (member.key === key) found = [member.start, member.end];
    if (found === undefined) return undefined;
    [start, end] = found;
  }
  return json.slice(start, end);
}

interface Member {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** The members of an object, the entries of an array by number; none of anything else. */
function* members(json: string, start: number): Iterable<Member> {
  const isObject = json[start] === '{';
  if (!isObject && json[start] !== '[') return;
  let at = skipBlank(json, start + 1);
  for (let index = 0; json[at] !== '}' && json[at] !== ']'; index++) {
    let key = String(index);
    if (isObject) {
      const end = valueEnd(json, at);
      key = JSON.parse(json.slice(at, end)) as string; // a key is a string
      at = skipBlank(json, skipBlank(json, end) + 1);
    }
    const end = valueEnd(json, at);
    yield { key, start: at, end };
    at = skipBlank(json, end);
    if (json[at] === ',') at = skipBlank(json, at + 1);
  }
}

const BLANK = /[ \t\n\r]*/y;
const SCALAR = /[^ \t\n\r,\]}]*/y;
/** what opens, closes, or begins a text in which neither counts */
const BRACKET = /["[\]{}]/g;

const skipBlank = (json: string, at: number): number => endOf(BLANK, json, at);

function endOf(pattern: RegExp, json: string, at: number): number {
  pattern.lastIndex = at;
  pattern.test(json);
  return pattern.lastIndex;
}

function valueEnd(json: string, start: number): number {
  if (json[start] === '"') return textEnd(json, start);
  if (json[start] !== '{' && json[start] !== '[') return endOf(SCALAR, json, start);
  let depth = 0;
  for (let at = start; ; ) {
    BRACKET.lastIndex = at;
    const bracket = BRACKET.exec(json);
    if (bracket === null) return json.length;
    at = bracket[0] === '"' ? textEnd(json, bracket.index) : bracket.index + 1;
    if (bracket[0] === '{' || bracket[0] === '[') depth++;
    else if (bracket[0] !== '"' && --depth === 0) return at;
  }
}

/** A quote ends a text where an even number of backslashes stands before it. */
function textEnd(json: string, start: number): number {
  for (let at = json.indexOf('"', start + 1); at >= 0; at = json.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (json[at - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return json.length;
}
