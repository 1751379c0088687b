import { Interruption, QueryCycle } from '@flotilla/query';
import { messageOf } from '@flotilla/std';

/**
 * A finished xDS resource: its name, its version, which is the hash of its bytes, and the bytes of the message. With a
 * `failure` it stands for what could not be made.
 */
export interface XdsResource {
  readonly name: string;
  readonly version: string;
  readonly bytes: Uint8Array;
  readonly failure?: string;
}

/**
 * A part of a list of resources. What fails in it is one entry that says so, and the other parts are there without it.
 */
export function isolated(part: string, read: () => readonly XdsResource[]): readonly XdsResource[] {
  try {
    return read();
  } catch (thrown) {
    // A cycle that closes further up is not this part's failure, nor is an interruption.
    if (thrown instanceof Interruption) throw thrown;
    if (thrown instanceof QueryCycle && thrown.closesAt !== undefined) throw thrown;
    const failure = messageOf(thrown);
    return [{ name: part, version: failure, bytes: new Uint8Array(), failure }];
  }
}

/** The same for lists. */
export const sameResources = (a: readonly XdsResource[], b: readonly XdsResource[]): boolean =>
  a.length === b.length && a.every((resource, i) => sameResource(resource, b[i]));

/** Early cut-off by content. */
export const sameResource = (a: XdsResource | undefined, b: XdsResource | undefined): boolean =>
  a?.version === b?.version && a?.name === b?.name;
