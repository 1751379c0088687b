import { positionOf, type Positions } from '@flotilla/std';

/** Where an object was read, well enough to name it to a person. */
export type Origin = FileOrigin | ClusterOrigin;

export interface FileOrigin {
  readonly type: 'file';
  readonly path: string;
  /** The number of the document in the file, from 1; absent for the file as a whole. */
  readonly document?: number;
  /** The path of the object in its document, `items[0]`; absent when it is the document. */
  readonly within?: string;
  /** The path of the document in the object, when the object was made around it; absent otherwise. */
  readonly wrappedIn?: string;
  /** Where the document's values stand; without it, places are named by the document's number. */
  readonly positions?: Positions;
}
export interface ClusterOrigin {
  readonly type: 'cluster';
  readonly cluster: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
}

/**
 * Names an object, or the value at a path in it: `mesh.yaml:12` (its first line), `mesh.yaml:14:7` (line and column of
 * the path), `mesh.yaml#2` (the second document, where positions are not known), `cluster east, resourceVersion 7,
 * generation 3`.
 */
export function describeOrigin(origin: Origin, path?: string): string {
  switch (origin.type) {
    case 'file':
      return describeFile(origin, path);
    case 'cluster': {
      const { cluster, resourceVersion, generation } = origin;
      return [
        `cluster ${cluster}`,
        ...(resourceVersion === undefined ? [] : [`resourceVersion ${resourceVersion}`]),
        ...(generation === undefined ? [] : [`generation ${generation}`]),
      ].join(', ');
    }
  }
}

function describeFile(origin: FileOrigin, path: string | undefined): string {
  const { path: file, document, positions } = origin;
  if (document === undefined) return file;
  if (!positions) return `${file}#${document}`;
  const { line, column } = positionOf(positions, pathInDocument(origin, path) ?? '');
  return path ? `${file}:${line}:${column}` : `${file}:${line}`;
}

/** A path in an object as its author sees it: from the start of the document. */
export function pathInDocument(origin: Origin | undefined, path: string | undefined): string | undefined {
  if (origin?.type !== 'file' || (path === undefined && origin.within === undefined)) return path;
  const { within, wrappedIn } = origin;
  const whole = joinPaths(within, path);
  if (wrappedIn === undefined) return whole;
  return whole === wrappedIn ? '' : whole.startsWith(`${wrappedIn}.`) ? whole.slice(wrappedIn.length + 1) : whole;
}

/** The path of a value, given the path of the value that contains it. */
export const joinPaths = (outer = '', inner = ''): string =>
  outer === '' || inner === '' || inner.startsWith('[') ? `${outer}${inner}` : `${outer}.${inner}`;
