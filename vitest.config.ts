import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{apps,libs,tools,tests}/**/src/**/*.spec.ts'],
    pool: 'threads',
    testTimeout: 60_000,
    // A golden output that isn't there fails, wherever tests run.
    update: 'none',
  },
});
