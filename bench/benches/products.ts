import type { Bench } from '../bench.js';
import { compare, type Measured } from '../compare.js';
import { models, type ModelName } from '../models.js';
import type { ProductSpec } from '../ours/product.js';
import { summarise } from '../statistics.js';

type Product = Omit<ProductSpec, 'layout' | 'seed'>;

const ROLES: readonly Product['role'][] = ['forward', 'input gradient', 'weight gradient'];
const LAYOUTS: readonly ProductSpec['layout'][] = ['positions × features', 'features × positions'];
/** the batches of the training steps that are measured */
const ROWS: Readonly<Partial<Record<ModelName, number>>> = { small: 8 * 128, '14m': 4 * 256, '31m': 4 * 512 };
/** a product so large that nothing but arithmetic counts: what the cores can do */
const LARGE = { name: 'large', products: [{ role: 'forward', rows: 2_048, inputs: 2_048, outputs: 2_048 }] as const };
/** a repetition takes about so long, at about such a speed */
const REPETITION_SECONDS = 0.15;
const GUESSED_FLOPS = 1.2e11;

const cases: readonly { readonly name: string; readonly products: readonly Product[] }[] = [
  LARGE,
  ...Object.entries(ROWS).map(([name, rows]) => {
    const { model, vocabularySize } = models[name as ModelName]; // a key of `ROWS`
    const { width } = model;
    const maps = [[width, 3 * width], [width, 4 * width], [4 * width, width], [width, vocabularySize]] as const;
    return { name, products: maps.flatMap(([inputs, outputs]) => ROLES.map((role) => ({ role, rows, inputs, outputs }))) };
  }),
];

interface Data {
  readonly cases: readonly { readonly name: string; readonly products: readonly { readonly product: Product; readonly measured: readonly Measured[] }[] }[];
}

const flopsOf = ({ rows, inputs, outputs }: Product): number => 2 * rows * inputs * outputs;

/** The matrix products that training steps are made of, each by itself, in both layouts of activations. */
export const products: Bench<Data> = {
  name: 'products',
  about: 'the matrix products of training steps one by one, GFLOP/s, in both layouts of activations',
  cases: cases.map(({ name }) => name),
  run: async (context) => {
    const done: Data['cases'][number][] = [];
    for (const { name, products: all } of cases) {
      if (context.only.length > 0 && !context.only.includes(name)) continue;
      const measured: Data['cases'][number]['products'][number][] = [];
      for (const product of all) {
        context.say(`${name}: ${label(product)}`);
        const sides = [
          ...LAYOUTS.map((layout) => ({ name: `ours, ${layout}`, side: 'ours' as const, spec: { ...product, layout, seed: 1 } satisfies ProductSpec })),
          { name: 'PyTorch', side: 'pytorch' as const, spec: product },
        ];
        const steps = Math.max(1, Math.round((REPETITION_SECONDS * GUESSED_FLOPS) / flopsOf(product)));
        measured.push({ product, measured: await compare({ context, subject: 'product', sides, numbers: [], relative: ['first'], checked: 1, steps, untimed: Math.ceil(steps / 10) }) });
      }
      done.push({ name, products: measured });
    }
    return { cases: done };
  },
  tables: (data) =>
    data.cases.map(({ name, products: all }) => ({
      caption: `Products of ${name}: GFLOP/s, most / median`,
      columns: ['product', ...all[0].measured.map((one) => one.name)],
      rows: all.map(({ product, measured }) => [
        label(product),
        ...measured.map(({ milliseconds }) => {
          const { least, median } = summarise(milliseconds);
          const speed = (ms: number): string => (flopsOf(product) / ms / 1e6).toFixed(0);
          return `${speed(least)} / ${speed(median)}`;
        }),
      ]),
    })),
};

/** `forward, 1,024 rows, 128 → 512` */
function label({ role, rows, inputs, outputs }: Product): string {
  const show = (n: number): string => n.toLocaleString('en');
  return `${role}, ${show(rows)} rows, ${show(inputs)} → ${show(outputs)}`;
}
