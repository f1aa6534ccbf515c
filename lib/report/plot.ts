import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { Html } from './html.js';

/** Plot needs a document to make elements in; a browser it does not need. */
const { document } = parseHTML('<!doctype html><html><body></body></html>');

/** Width of a figure across the page, px of its view box; it shrinks with the window. */
export const WIDE = 860;

/**
 * A figure as inline SVG; colours are the page's variables, so that it follows light and dark.
 * @param label read to who does not see it
 */
export function draw({ label, ...options }: Plot.PlotOptions & { readonly label: string }): Html {
  const svg: { readonly outerHTML: string; setAttribute(name: string, value: string): void } = Plot.plot({
    document,
    width: WIDE,
    height: 300,
    marginLeft: 64,
    marginBottom: 42,
    ariaLabel: label,
    style: { fontSize: '12px', background: 'transparent', overflow: 'visible' },
    ...options,
  });
  svg.setAttribute('role', 'img');
  return new Html(svg.outerHTML);
}

/** Okabe and Ito's colours, told apart by all common kinds of colour vision; `--ink-N` of the page's style. */
const COLOURS = 6;
export const colour = (index: number): string => `var(--ink-${(index % COLOURS) + 1})`;

/** Second sign beside colour. */
const DASHES = ['', '6,3', '2,3', '8,3,2,3', '12,4', '1,4'];
export const dash = (index: number): string | undefined => DASHES[index % DASHES.length] || undefined;
const SYMBOLS = ['circle', 'square', 'triangle', 'diamond', 'star', 'cross'] as const;
export const symbol = (index: number): (typeof SYMBOLS)[number] => SYMBOLS[index % SYMBOLS.length];

/** Entries of a legend in the page's own text, not in the picture. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: string;
  readonly dash?: string | undefined;
  /** how it is drawn. @default 'line' */
  readonly mark?: 'line' | 'disc' | 'square' | 'triangle' | 'diamond' | 'open square' | 'stroke';
}
