import type { TestCase, TestModule } from 'vitest/node';
import type { Reporter } from 'vitest/reporters';
import { nothingIsMissing } from './needs.js';

/** After the tests: which were left out, by reason. The runner's own reporters give their number alone. */
export default class LeftOutReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')]);
    const reasons = new Set(skipped.flatMap((test) => reasonOf(test) ?? []));
    const listed = [...reasons].flatMap((reason) => [`  ${reason}`, ...skipped.filter((test) => reasonOf(test) === reason).map((test) => `    ${nameOf(test)}`)]);
    if (reasons.size > 0) write('left out, for what is not here (CONTRIBUTING.md says how to get it):', listed);
    const unreasoned = skipped.filter((test) => reasonOf(test) === undefined);
    if (nothingIsMissing() && unreasoned.length > 0) {
      write('left out without a reason, where none is to be (by test/needs/needs.ts alone):', unreasoned.map((test) => `  ${nameOf(test)}`));
      process.exitCode = 1;
    }
  }
}

const nameOf = (test: TestCase): string => `${test.module.relativeModuleId} > ${test.fullName}`;

/** @returns undefined where the test was not left out by `leaveOut`: by the command line, as one of another name */
function reasonOf(test: TestCase): string | undefined {
  const lack = test.meta().leftOut;
  return lack === undefined ? undefined : `${lack.need}: ${lack.why}`;
}

function write(title: string, lines: readonly string[]): void {
  process.stdout.write(`\n${title}\n${lines.join('\n')}\n`);
}
