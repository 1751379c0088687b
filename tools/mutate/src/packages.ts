/** What is mutated together: one folder of production files, and the specs that have to notice. */
export interface MutatedPackage {
  /** As it is named on the command line: a path too. */
  readonly name: string;
  /** Its production files are mutated, with those of all folders in it. */
  readonly folder: string;
  /** Globs of the specs that run. */
  readonly specs: readonly string[];
  /** Globs of all that these specs read, beside dependencies. */
  readonly files: readonly string[];
  /** How many per cent of the mutants the specs have to kill. */
  readonly minimum: number;
}

export const packages: readonly MutatedPackage[] = [
  {
    name: 'libs/query',
    folder: 'libs/query/src',
    specs: ['libs/query/src/**/*.spec.ts'],
    files: ['libs/query/package.json', 'libs/query/src/**'],
    minimum: 80,
  },
  {
    name: 'libs/pilot/xds/src/routes',
    folder: 'libs/pilot/xds/src/routes',
    // Golden pairs of all of xDS contain routes; specs about whole meshes (scaling, sharing, odd) notice little beyond.
    specs: ['libs/pilot/xds/src/golden.spec.ts', 'libs/pilot/xds/src/routes/*.spec.ts'],
    files: ['libs/pilot/xds/package.json', 'libs/pilot/xds/src/**'],
    minimum: 80,
  },
  {
    name: 'libs/galley/validation',
    folder: 'libs/galley/validation/src',
    // scaling.spec.ts is about how long validation takes.
    specs: ['libs/galley/validation/src/**/!(scaling).spec.ts'],
    files: ['libs/galley/validation/package.json', 'libs/galley/validation/src/**'],
    minimum: 80,
  },
];

/** A package, or one file of it. */
export interface Target {
  readonly mutated: MutatedPackage;
  readonly file?: string;
}

/** What a path on the command line means: the name of a package, or a production file by its path. */
export function targetOf(path: string): Target | undefined {
  for (const mutated of packages) {
    if (path === mutated.name || path === mutated.folder) return { mutated };
    if (path.startsWith(`${mutated.folder}/`) && isProduction(path)) return { mutated, file: path };
  }
  return undefined;
}

const isProduction = (path: string): boolean => path.endsWith('.ts') && !path.endsWith('.spec.ts');
