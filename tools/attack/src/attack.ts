import { availableParallelism, loadavg } from 'node:os';
import type { Mode } from '@flotilla/tool-control-plane';
import type { Mesh } from './mesh/attacked-mesh.ts';

export type Shape = Mode;
export const services = ['pilot', 'galley', 'citadel', 'sidecar-injector', 'nats'] as const;
/** Whom a row attacks; in the monolith all but NATS are istiod. */
export type Service = (typeof services)[number];

/** What must hold while a row runs and afterwards, beside what the row itself checks. */
export interface Bounds {
  /**
   * /healthz/live of every process answers within this time; while the machine gives the process no core, the clock
   * stands still.
   */
  readonly healthMs: number;
  /** A sidecar, a workload and an API server that do nothing wrong are served within this time. */
  readonly servedMs: number;
  /** So much may a process grow. */
  readonly growthMb: number;
  /** So much may a process log. */
  readonly logKb: number;
}
export const defaultBounds: Bounds = { healthMs: 1000, servedMs: 3000, growthMb: 512, logKb: 512 };

/** One row of the table. */
export interface Attack {
  readonly service: Service;
  readonly kind: string;
  /** Unique together with service and kind. */
  readonly name: string;
  /** What is done, and what must hold beside the bounds. */
  readonly describe: string;
  /** In both by default. */
  readonly shapes?: readonly Shape[];
  /** Part of the short form, or even of the quick one, which `npm test` runs. */
  readonly form?: 'short' | 'quick';
  readonly bounds?: Partial<Bounds>;
  /** Services that it kills or stops: they may be away for a while, and must be back afterwards. */
  readonly disturbs?: readonly Service[];
  readonly deadlineMs?: number;
  /** Does it; throws `Broken` when what it expects does not hold, `Skipped` when it can't be done on this machine. */
  run(mesh: Mesh): Promise<void>;
}

/** Rows of one service and kind. */
export const table = (
  { service, kind }: Pick<Attack, 'service' | 'kind'>,
  rows: readonly Omit<Attack, 'service' | 'kind'>[],
): readonly Attack[] => rows.map((row) => ({ service, kind, ...row }));

export const idOf = ({ service, kind, name }: Pick<Attack, 'service' | 'kind' | 'name'>): string =>
  `${service} ${kind}: ${name}`;

/** Something that should hold does not. */
export class Broken extends Error {
  readonly expected: string;
  readonly seen: string;

  constructor(expected: string, seen: string) {
    super(`expected ${expected}; saw ${seen}`);
    this.expected = expected;
    this.seen = seen;
  }
}

/** The row can't be run here; the message says why. */
export class Skipped extends Error {}

/**
 * How much longer things may take on this machine now, since others use its cores: a limit on time of the clock is
 * multiplied by it.
 */
export const patience = (): number => Math.ceil(Math.max(1, (loadavg()[0] ?? 1) / availableParallelism()));

const maxSeen = 500;
const written = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))).slice(0, maxSeen);

/** Throws `Broken` unless `holds`. */
export function expect(expected: string, seen: unknown, holds: boolean): void {
  if (!holds) throw new Broken(expected, written(seen));
}

export const expectEqual = (what: string, seen: unknown, expected: unknown): void =>
  expect(`${what}: ${written(expected)}`, seen, JSON.stringify(seen) === JSON.stringify(expected));
