import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bench, Table } from '../bench.js';
import { sample, type Spent } from '../perf.js';
import { profileCases } from '../profile-cases.js';
import { openSide, pyTorchSides, type Side } from '../sides.js';

/** What a function does, by the library that has it and its name; the first that fits. */
const kinds: readonly { readonly kind: string; readonly fits: (one: Spent) => boolean }[] = [
  { kind: 'packing for products', fits: ({ symbol }) => /gemm_pack|transpose|copy[abnt]*_|_pack|repack/i.test(symbol) },
  { kind: 'matrix products', fits: ({ symbol }) => /dot_fp|dot_bf|gemm|gebp|contraction|sgemm|mkl_blas|brgemm/i.test(symbol) },
  { kind: 'kernel: page faults, …', fits: ({ library }) => library.startsWith('[kernel') },
  { kind: 'generated loops', fits: ({ library }) => /JIT|^\[unknown|^anon|inductor|^c[0-9a-z]{20,}/i.test(library) },
  { kind: 'waiting for threads', fits: ({ library, symbol }) => /libgomp|ThreadPoolTempl|pthread|futex/i.test(`${library} ${symbol}`) },
  { kind: 'copies', fits: ({ symbol }) => /memcpy|memmove|memset/i.test(symbol) },
  { kind: 'other kernels', fits: () => true },
];

/** steps sampled: as many as take about so long */
const SECONDS = 6;
const TOP = 12;

interface Profiled {
  readonly name: string;
  readonly milliseconds: number;
  readonly kinds: readonly { readonly kind: string; readonly share: number }[];
  readonly top: readonly Spent[];
}

interface Data {
  readonly cases: readonly { readonly name: string; readonly sides: readonly Profiled[] }[];
}

/** Where the processor time of a step goes, on each side: what holds it back. */
export const profile: Bench<Data> = {
  name: 'profile',
  about: 'where the processor time of a step goes, by Linux’ perf',
  cases: profileCases.map(({ name }) => name),
  run: async (context) => {
    const done: Data['cases'][number][] = [];
    for (const { name, subject, spec, oursAlone = false } of profileCases) {
      if (context.only.length > 0 && !context.only.includes(name)) continue;
      context.say(name);
      const folder = mkdtempSync(path.join(tmpdir(), 'bliss-bench-'));
      const sides: readonly Side[] = [{ name: 'ours', side: 'ours', spec: spec() }, ...('unavailable' in context.pyTorch || oursAlone ? [] : pyTorchSides({ spec: spec(), context }))];
      const profiled: Profiled[] = [];
      try {
        for (const side of sides) {
          const { contender } = await openSide({ side, context, subject, folder, checked: 2 });
          try {
            const { milliseconds: once } = await contender.ask({ ask: 'repeat', untimed: 2, steps: 1 });
            const { spent, result } = await sample(contender.pid, () => contender.ask({ ask: 'repeat', untimed: 0, steps: Math.max(2, Math.ceil((SECONDS * 1000) / once)) }));
            profiled.push({ name: side.name, milliseconds: result.milliseconds, kinds: byKind(spent), top: named(spent).slice(0, TOP) });
          } finally {
            await contender.close();
          }
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      done.push({ name, sides: profiled });
    }
    return { cases: done };
  },
  shown: (data) => data.cases.map(({ name, sides }) => kindTable(name, sides)),
  tables: (data) => data.cases.flatMap(({ name, sides }): Table[] => [kindTable(name, sides), ...sides.map((side) => topTable(name, side))]),
};

function byKind(spent: readonly Spent[]): Profiled['kinds'] {
  const shares = new Map(kinds.map(({ kind }) => [kind, 0]));
  for (const one of spent) {
    const kind = kinds.find(({ fits }) => fits(one))?.kind ?? '';
    shares.set(kind, (shares.get(kind) ?? 0) + one.share);
  }
  return [...shares].map(([kind, share]) => ({ kind, share }));
}

/** Generated code has addresses for names: all of a library is one line. */
function named(spent: readonly Spent[]): Spent[] {
  const sums = new Map<string, Spent>();
  for (const one of spent) {
    const symbol = one.symbol.startsWith('0x') ? '(generated)' : one.symbol.slice(0, 80);
    const library = one.library.replace(/^\[JIT\].*/, '[JIT]');
    const key = `${library} ${symbol}`;
    sums.set(key, { library, symbol, share: one.share + (sums.get(key)?.share ?? 0) });
  }
  return [...sums.values()].sort((a, b) => b.share - a.share);
}

/** milliseconds of a step, as its share of the processor time */
function kindTable(name: string, sides: readonly Profiled[]): Table {
  const rows = kinds.map(({ kind }, i) => [kind, ...sides.map(({ milliseconds, kinds: shares }) => `${(milliseconds * shares[i].share).toFixed(1)} (${(100 * shares[i].share).toFixed(0)}%)`)]);
  return { caption: `${name}: ms of a step, by its share of the processor time`, columns: ['', ...sides.map((side) => side.name)], rows: [...rows, ['step, while sampled', ...sides.map(({ milliseconds }) => milliseconds.toFixed(1))]] };
}

function topTable(name: string, { name: side, top }: Profiled): Table {
  return { caption: `${name}: ${side}`, columns: ['share', 'library', 'function'], rows: top.map(({ share, library, symbol }) => [`${(100 * share).toFixed(1)}%`, library, symbol]) };
}
