import { expect, test } from 'vitest';
import { FunctionGraph } from '../../lib/tensor/function-graph.js';

test('a concatenation within another along the same axis is taken apart; along another axis it stays', () => {
  const graph = new FunctionGraph('f');
  const inner = graph.concatenated('float32', ['a', 'b'], 1);
  const outer = graph.concatenated('float32', [inner, 'c', inner], 1);
  const other = graph.concatenated('float32', [inner, 'd'], 0);
  const inputsOf = (ref: string): readonly string[] => graph.nodes.find(({ name }) => ref.startsWith(`${name}:`))?.inputs.slice(0, -1) ?? [];
  expect(inputsOf(outer)).toEqual(['a', 'b', 'c', 'a', 'b']);
  expect(inputsOf(other)).toEqual([inner, 'd']);
});
