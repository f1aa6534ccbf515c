import { BlissError } from '../errors.js';

/**
 * One text for one value: keys sorted by UTF-16 code units, `undefined` members dropped, no spaces, −0 written 0.
 * What JSON would change in silence (NaN, Infinity, Map, Date, bigint, holes, typed arrays) is refused by its path.
 * @throws BlissError DataInvalid
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$');
}

function write(value: unknown, at: string): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw refused(at, String(value));
      return JSON.stringify(value);
    case 'object':
      if (value === null) return 'null';
      // Array.from turns holes into undefined, which is refused below as JSON would write null for it
      if (Array.isArray(value)) return `[${Array.from<unknown>(value).map((item, i) => write(item, `${at}[${i}]`)).join(',')}]`;
      return writeObject(value, at);
    default:
      throw refused(at, typeof value);
  }
}

function writeObject(value: object, at: string): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw refused(at, `a ${value.constructor.name}`);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${write(member, `${at}.${key}`)}`);
  return `{${members.join(',')}}`;
}

const refused = (at: string, found: string): BlissError =>
  new BlissError({ code: 'DataInvalid', message: `${found} has no canonical JSON`, where: at, fix: 'give a finite number, text, boolean, null, plain array or plain object' });
