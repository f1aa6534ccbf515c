import { expect, test } from 'vitest';
import { BlissError } from '../../lib/errors.js';
import { fromFault, toFault } from '../../lib/fault.js';

test('an error that lists several things is the same behind a thread or a process: each keeps its line', () => {
  const error = new BlissError({ code: 'ConfigInvalid', message: '2 problems', list: ['a: wrong', 'b: wrong'], where: 'run.yaml', fix: 'write 10' });
  const arrived = fromFault(structuredClone(toFault(error)));
  expect(arrived).toMatchObject({ code: 'ConfigInvalid', message: error.message, sentence: '2 problems', list: ['a: wrong', 'b: wrong'], where: 'run.yaml', fix: 'write 10' });
});
