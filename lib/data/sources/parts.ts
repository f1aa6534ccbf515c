import path from 'node:path';
import { invalid } from './invalid.js';

/** `train-00002-of-00004.parquet`, as the hub, Spark and TensorFlow number the parts of one thing */
const NUMBERED = /^(.*?)(\d{3,})-of-(\d{3,})(.*)$/su;
/** gaps told of many */
const NAMED = 3;
/** what calls itself a part of more than this is numbered otherwise */
const MOST_PARTS = 1_000_000;

interface Numbered {
  readonly of: number;
  readonly numbers: Set<number>;
  readonly nameOf: (number: number) => string;
}

export interface RequireAllParts {
  /** absolute */
  readonly files: readonly string[];
  /** of a part that is not there: whether it was asked for too */
  readonly isMeant: (name: string) => boolean;
  /** field of the configuration, for errors */
  readonly field: string;
}

/** Of files that say how many they are, none is missing. Numbers are from 0 or from 1. @throws BlissError DataInvalid */
export function requireAllParts({ files, isMeant, field }: RequireAllParts): void {
  const series = new Map<string, Numbered>();
  for (const file of files) {
    const [, before, number, of, after] = NUMBERED.exec(path.basename(file)) ?? [];
    if (number === undefined || Number(of) > MOST_PARTS) continue;
    const nameOf = (n: number): string => path.join(path.dirname(file), `${before}${String(n).padStart(number.length, '0')}-of-${of}${after}`);
    const key = nameOf(0);
    const known = series.get(key) ?? { of: Number(of), numbers: new Set(), nameOf };
    known.numbers.add(Number(number));
    series.set(key, known);
  }
  for (const { of, numbers, nameOf } of series.values()) {
    const first = numbers.has(of) && !numbers.has(0) ? 1 : 0;
    const missing: string[] = [];
    for (let n = first; n < first + of; n++) {
      if (!numbers.has(n) && isMeant(path.basename(nameOf(n)))) missing.push(nameOf(n));
    }
    if (missing.length === 0) continue;
    const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
    throw invalid(field, `of ${of} parts ${missing.length} ${missing.length === 1 ? 'is' : 'are'} not there: ${missing.slice(0, NAMED).join(', ')}${more}`, 'get them, or if the others alone are meant name those: by a list, or by a glob that matches no other part');
  }
}
