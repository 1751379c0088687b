import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{apps,libs,tools,tests}/**/src/**/*.spec.ts'],
    globalSetup: ['libs/testing/src/global-setup.ts'],
    setupFiles: ['libs/testing/src/setup.ts'],
    pool: 'threads',
    // By itself it leaves one of the cores to somebody who watches.
    maxWorkers: '100%',
    testTimeout: 60_000,
    // A golden output that isn't there fails, wherever tests run.
    update: 'none',
  },
});
