import { hashBytes, stableStringify } from '@flotilla/std';
import type { AnyResource } from './resource.ts';

/**
 * Which version of an object a resource is: its `metadata.generation`, or a hash of its content where there is none (in
 * files).
 */
export const generationOf = ({ meta, spec }: AnyResource): string =>
  meta.generation === undefined
    ? hashBytes(stableStringify([meta.labels, meta.annotations, spec]) ?? '')
    : String(meta.generation);
