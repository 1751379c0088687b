import { compareText, parseTimestamp } from '@flotilla/std';

/** The metadata that an object's age is taken from. */
export interface Aged {
  readonly name: string;
  readonly namespace: string;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
}

/** Epoch milliseconds of an object's creation; 0 when unknown. */
export const bornAt = ({ creationTimestamp }: Pick<Aged, 'creationTimestamp'>): number =>
  parseTimestamp(creationTimestamp ?? '') ?? 0;

/**
 * The oldest first; those of one age by `name.namespace`, where a dot comes after a dash (Istio's
 * sortConfigByCreationTime).
 */
export const compareAge = (a: Aged, b: Aged): number =>
  bornAt(a) - bornAt(b) || compareText(`${a.name}.${a.namespace}`, `${b.name}.${b.namespace}`);
