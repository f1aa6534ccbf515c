import { expected } from './problem.js';
import type { Problem } from './problem.js';
import type { RunConfig } from './fields.js';
import { selectorRow } from './tables/selectors.js';

/** Presets have the section, whichever arms there are: what it asks for counts where an arm goes by it. */
export function matesProblems({ mates: section, comparison, data, heldOut, selection: chosen }: RunConfig): Problem[] {
  const arm = comparison.arms.findIndex(({ selector }) => selectorRow(selector).section === 'mates');
  if (arm < 0) return [];
  if (section === undefined) {
    const { selector } = comparison.arms[arm];
    return [{ path: ['comparison', 'arms', arm, 'selector'], message: expected(`"${selector}" and no section mates`, `${selector} with that section, which says how many rows are probed`), fix: 'add mates: { probes: ... }' }];
  }
  const aside = Math.max(2, Math.round(section.heldOutFraction * section.probes));
  const free = Math.floor(data.rowsPerGroup * (1 - chosen.fraction) + 1e-9);
  const limits = [
    { field: 'probes', limit: data.rowsPerGroup, of: 'rows of a group, data.rowsPerGroup', related: [['data', 'rowsPerGroup']] },
    ...(chosen.trainedRows === 'exclude' ? [{ field: 'probes', limit: free, of: `rows of a group that selection.fraction ${chosen.fraction} leaves, as selection.trainedRows excludes those that were probed`, related: [['selection', 'trainedRows'], ['selection', 'fraction']] } as const] : []),
    { field: 'validationExamples', limit: heldOut.validation, of: 'examples of heldOut.validation', related: [['heldOut', 'validation']] },
    { field: 'batchSize', limit: section.probes - aside, of: `probes that mates.heldOutFraction ${section.heldOutFraction} leaves of ${section.probes}`, related: [['mates', 'probes'], ['mates', 'heldOutFraction']] },
  ] as const;
  return limits.flatMap(({ field, limit, of, related }) => (section[field] <= limit ? [] : [{ path: ['mates', field], message: expected(`${section[field]}`, `at most ${limit}, the ${of}`), related }]));
}
