import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{apps,libs,tools}/**/src/**/*.spec.ts'],
    pool: 'threads',
    testTimeout: 20_000,
  },
});
