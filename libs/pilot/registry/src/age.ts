import { compareText, parseTimestamp } from '@flotilla/std';
import type { Meta } from '@flotilla/model';

/** Epoch milliseconds of an object's creation; 0 when unknown. */
export const bornAt = ({ creationTimestamp }: Pick<Meta, 'creationTimestamp'>): number =>
  parseTimestamp(creationTimestamp ?? '') ?? 0;

/**
 * The oldest first; those of one age by `name.namespace`, where a dot comes after a dash (Istio's
 * sortConfigByCreationTime).
 */
export function compareAge(
  a: Pick<Meta, 'creationTimestamp' | 'name' | 'namespace'>,
  b: Pick<Meta, 'creationTimestamp' | 'name' | 'namespace'>,
): number {
  return bornAt(a) - bornAt(b) || compareText(`${a.name}.${a.namespace}`, `${b.name}.${b.namespace}`);
}
