import { hashBytes } from '@flotilla/std';
import type { AnyResource } from './resource.ts';

/**
 * The version of an object: its `metadata.generation`, which the API server counts up when it changes, or a hash of its
 * content where there is none. `text` is the resource as JSON, when it is at hand.
 */
export const versionOf = (resource: AnyResource, text = JSON.stringify(resource)): string =>
  resource.meta.generation === undefined ? hashBytes(text) : String(resource.meta.generation);
