import { fileURLToPath } from 'node:url';
import type { PartialStrykerOptions } from '@stryker-mutator/api/core';
import type { MutatedPackage, Target } from './packages.ts';

/** What every run needs beside the package itself. Dependencies are found through links to this checkout. */
const common = ['package.json', 'libs/testing/src/{setup,global-setup,temporary-folder}.ts', 'tools/mutate/src/*.ts'];

const taken = (patterns: readonly string[]): string[] => patterns.map((pattern) => `!${pattern}`);

/** Where a package's reports and its results for the next run are. */
export const reportsFolder = ({ name }: MutatedPackage): string => `.cache/mutate/${name.replaceAll('/', '-')}`;

/**
 * Stryker's options; with `force` it uses no earlier result. Paths are relative to the root of the checkout, which is
 * the working directory.
 */
export function strykerOptions({ mutated, file }: Target, force: boolean): PartialStrykerOptions {
  const { folder, specs, files, minimum } = mutated;
  const reports = reportsFolder(mutated);
  return {
    mutate: file === undefined ? [`${folder}/**/*.ts`, `!${folder}/**/*.spec.ts`] : [file],
    // Only the specs that are to run are copied. With Stryker's own `testFiles`, mutants of code that runs when a
    // module is loaded are switched on too late, and survive.
    ignorePatterns: ['**', ...taken([...common, ...files]), '**/*.spec.ts', ...taken(specs)],
    testRunner: 'vitest',
    // By its path: below pnpm's folders, Stryker does not find a plugin by its name.
    plugins: [fileURLToPath(import.meta.resolve('@stryker-mutator/vitest-runner'))],
    ...{ vitest: { configFile: 'tools/mutate/src/vitest.config.ts', related: false } },
    coverageAnalysis: 'perTest',
    // Tables are evaluated when a module is loaded, and are what nobody tests.
    ignoreStatic: false,
    concurrency: 2,
    // A mutant that runs into its time counts as killed: a busy machine must not kill any.
    timeoutMS: 20_000,
    timeoutFactor: 3,
    incremental: true,
    incrementalFile: `${reports}/results.json`,
    force,
    tempDirName: `${reports}/sandbox`,
    disableTypeChecks: false,
    thresholds: { high: 100, low: minimum, break: minimum },
    logLevel: 'warn' as PartialStrykerOptions['logLevel'],
    reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
    clearTextReporter: { logTests: false, reportTests: false, skipFull: true },
    htmlReporter: { fileName: `${reports}/report.html` },
    jsonReporter: { fileName: `${reports}/report.json` },
  };
}
