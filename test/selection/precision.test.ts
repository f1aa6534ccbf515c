import { expect, test } from 'vitest';
import { precision } from '../../lib/selection/index.js';

const sources = ['books', 'spam', 'books', 'email', 'spam', 'email', 'email', 'email', 'books', 'email'];
const selected = Uint32Array.of(0, 2, 3, 4);

test('precision with and without the rows that trained the scorer', () => {
  const flagged = Uint8Array.from(sources, (_, i) => (i === 0 || i === 4 || i === 9 ? 1 : 0));
  expect(precision({ sources, selected, flagged, wanted: 'books' })).toEqual({ all: 0.5, withoutFlagged: 0.5 });
  expect(precision({ sources, selected, flagged, wanted: 'spam' })).toEqual({ all: 0.25, withoutFlagged: 0 });
  expect(precision({ sources, selected, wanted: 'email' })).toEqual({ all: 0.25, withoutFlagged: 0.25 });
  expect(precision({ sources, selected, flagged: new Uint8Array(10).fill(1), wanted: 'books' })).toEqual({ all: 0.5, withoutFlagged: null });
  expect(precision({ sources, selected: new Uint32Array(), wanted: 'books' })).toEqual({ all: 0, withoutFlagged: null });
});
