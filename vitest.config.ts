import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Worker threads inherit this.
    execArgv: ['--import', './test/register-typescript.mjs'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
