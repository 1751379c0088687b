import { defineConfig } from 'vitest/config';

/** How the specs run, once for each mutant: without looking for a smaller counterexample. */
export default defineConfig({
  test: {
    globalSetup: ['libs/testing/src/global-setup.ts'],
    setupFiles: ['libs/testing/src/setup.ts', 'tools/mutate/src/first-failure.ts'],
    testTimeout: 60_000,
    update: 'none',
  },
});
