import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NativeCheck } from './native-check.ts';

describe.skipIf(process.platform !== 'linux')('huge pages', () => {
  let check: NativeCheck;
  beforeAll(() => {
    check = new NativeCheck('huge-pages-check.cpp', ['huge-pages']);
  });
  afterAll(() => {
    check.remove();
  });

  it.each(['allowed', 'refused'])(
    'are under memory as far as the kernel gives them, and it stays as it is (%s)',
    (how) => {
      const [ours, direct, state] = execFileSync(check.program, [how], { encoding: 'utf8' }).trim().split(' ');
      expect(ours).toBe(direct);
      expect(state).toBe('intact');
      if (how === 'refused') expect(ours).toBe('0');
    },
  );
});
