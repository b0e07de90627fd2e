import { expect, test } from 'vitest';
import { retryReporter } from '../../src/cli/retry-reporter.ts';

test('a reason to try again is told once, until there is another', () => {
  const lines: string[] = [];
  const report = retryReporter({ log: (level, message) => lines.push(`${level} ${message}`) });
  for (const reason of ['It was cut.', 'It was cut.', 'It is busy.', 'It was cut.']) report({ type: 'retry', reason });
  report({ type: 'warning', message: 'Something else.' });
  expect(lines).toEqual([
    'info It was cut. Trying again.',
    'info It is busy. Trying again.',
    'info It was cut. Trying again.',
  ]);
});
