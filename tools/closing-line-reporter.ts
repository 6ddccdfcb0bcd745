// Ends a test run with a line that says how many tests passed and failed, for whoever reads only the last lines.
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const cases = modules.flatMap((module): TestCase[] => [...module.children.allTests()]);
    const count = (state: string): number =>
      cases.filter((test) => test.result().state === state).length;
    const broken = modules.filter((module) => module.errors().length > 0).length;
    const failed = count('failed') + broken + errors.length;
    const skipped = count('skipped');
    const rest = skipped === 0 ? '' : `, ${skipped} skipped`;
    process.stdout.write(`\n${count('passed')} passed, ${failed} failed${rest}\n`);
  }
}
