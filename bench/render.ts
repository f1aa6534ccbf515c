import type { Table } from './bench.js';

/** For a terminal: columns padded to their widest cell. */
export function plainText({ caption, columns, rows }: Table): string {
  const lines = [columns, ...rows];
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const text = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd());
  return ['', caption, ...text, ''].join('\n');
}

export function markdown({ caption, columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [`**${caption}**`, '', line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}
