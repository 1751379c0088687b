/** What the command line asks for, once the corpus is found. */
export interface ParityOptions {
  /** The corpus' root, one of its folders, or undefined for the corpus that the tests use. */
  readonly corpus?: string;
  /** Only cases whose name contains this. */
  readonly only: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly dump?: string;
  /** The version of Envoy that plays the proxies. */
  readonly envoy?: string;
}

export interface Case {
  /** The case's path below the corpus that was named. */
  readonly name: string;
  readonly path: string;
}

/** The outcome of one case. It agrees when it has no difference. */
export interface Outcome {
  readonly name: string;
  /** The first difference, in one or a few lines. */
  readonly difference?: string;
  /** How long this project took to answer, in milliseconds. */
  readonly ms?: number;
}

/** A folder of cases, and the options to compare it with. */
export interface Run extends Pick<ParityOptions, 'dump' | 'envoy'> {
  readonly folder: string;
  readonly cases: readonly Case[];
  /** Where answers go, in the layout of the cases below `folder`. */
  readonly out?: string;
}

/** One thing that is compared with real Istio. */
export interface Area {
  /** Help text: what a case is and what must be the same. */
  readonly about: string;
  /** Its folders below the root of the corpus. */
  readonly folders: readonly string[];
  /** Paths of the cases in a folder; none where it contains something else. */
  find(folder: string): readonly string[];
  /** The feature that a case needs and this version lacks; undefined when it lacks none. */
  needs?(path: string): string | undefined;
  /** Resolves with an exit code when another process has done all the work. */
  enter?(options: ParityOptions): number | undefined;
  compare(run: Run): AsyncIterable<Outcome>;
}

/** A mistake that the user can correct; it ends the program with exit code 2. */
export class Unmet extends Error {}
