import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts', 'test/support/global-setup.ts'],
    execArgv: ['--import', './test/support/typescript-in-workers.js'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
