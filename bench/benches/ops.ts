import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bench, BenchContext } from '../bench.js';
import { readInstructions } from '../hlo.js';
import { profileCases, type ProfileCase } from '../profile-cases.js';
import { openSide } from '../sides.js';
import { readTrace, requestTrace } from '../xla-trace.js';

interface Op {
  readonly name: string;
  /** of a step, all threads together */
  readonly milliseconds: number;
  readonly operation: string;
  readonly shape: string;
  readonly operands: readonly string[];
  readonly flops: number;
  readonly origin: string;
}

interface Data {
  readonly cases: readonly { readonly name: string; readonly milliseconds: number; readonly steps: number; readonly ops: readonly Op[] }[];
}

/** traced time: some steps at least */
const LEAST_MS = 3_000;
const LEAST_STEPS = 3;
/** the trace begins and ends within steps: there must be some before and after */
const SLACK_MS = 2_000;
/** the others of a case are a sum */
const TOP = 40;

/** Which ops of our compiled step take its time, by XLA's own trace. It costs time itself: the shares count. */
export const ops: Bench<Data> = {
  name: 'ops',
  about: 'which products and fusions of our compiled step take its time, by TensorFlow’s profiler',
  cases: profileCases.map(({ name }) => name),
  run: async (context) => {
    const done: Data['cases'][number][] = [];
    for (const one of profileCases) {
      if (context.only.length > 0 && !context.only.includes(one.name)) continue;
      context.say(one.name);
      done.push(await traced(one, context));
    }
    return { cases: done };
  },
  tables: (data) =>
    data.cases.map(({ name, milliseconds, steps, ops: all }) => {
      const total = all.reduce((sum, op) => sum + op.milliseconds, 0);
      const row = (op: Pick<Op, 'milliseconds'>, cells: readonly string[]): string[] => [op.milliseconds.toFixed(2), `${((100 * op.milliseconds) / total).toFixed(1)}%`, ...cells];
      const shown = all.slice(0, TOP).map((op) => row(op, [op.flops === 0 ? '' : (op.flops / op.milliseconds / 1e6).toFixed(0), op.operation, op.name, `${op.operands.join(' · ')} → ${op.shape}`, op.origin]));
      const rest = all.slice(TOP).reduce((sum, op) => sum + op.milliseconds, 0);
      const dots = all.filter(({ operation }) => operation === 'dot');
      const ofDots = dots.reduce((sum, op) => sum + op.milliseconds, 0);
      const flops = dots.reduce((sum, op) => sum + op.flops, 0);
      return {
        caption: `${name}: ${milliseconds.toFixed(1)} ms a step while traced, ${steps} steps; time of all threads together`,
        columns: ['ms', 'share', 'GFLOP/s a thread', 'operation', 'name', 'shapes', 'in our graph'],
        rows: [...shown, row({ milliseconds: rest }, ['', '', 'others', '', '']), row({ milliseconds: ofDots }, [(flops / ofDots / 1e6).toFixed(0), 'dot', 'all products', `${(flops / 1e9).toFixed(2)} GFLOP`, '']), row({ milliseconds: total }, ['', '', 'all', '', ''])],
      };
    }),
};

async function traced({ name, subject, spec, programs }: ProfileCase, context: BenchContext): Promise<Data['cases'][number]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bliss-bench-'));
  const dump = path.join(folder, 'hlo');
  mkdirSync(dump);
  const flags = [process.env['XLA_FLAGS'], `--xla_dump_to=${dump}`, '--xla_dump_hlo_as_text'].filter(Boolean).join(' ');
  // a cache of its own: what comes from the cache is not dumped
  const side = { name: 'ours', side: 'ours' as const, spec: spec(), environment: { XLA_FLAGS: flags }, cache: path.join(folder, 'cache') };
  try {
    const { contender } = await openSide({ side, context, subject, folder, checked: 2 });
    try {
      const port = await freePort();
      await contender.ask({ ask: 'listen', port });
      const { milliseconds: once } = await contender.ask({ ask: 'repeat', untimed: 1, steps: 1 });
      const window = Math.ceil(Math.max(LEAST_MS, LEAST_STEPS * once));
      const running = contender.ask({ ask: 'repeat', untimed: 0, steps: Math.ceil((window + SLACK_MS) / once) });
      const { ops: events, executions } = readTrace(await requestTrace({ port, folder, milliseconds: window }));
      const { milliseconds } = await running;
      const steps = executions / programs;
      const instructions = readInstructions(dump);
      const found = events.flatMap(({ name: op, milliseconds: sum }) => {
        const instruction = instructions.get(op);
        return instruction === undefined ? [] : [{ ...instruction, milliseconds: sum / steps }];
      });
      return { name, milliseconds, steps, ops: found.sort((a, b) => b.milliseconds - a.milliseconds) };
    } finally {
      await contender.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
