import { KubeError, type KubeObject, type KubeResource, type Selection } from '@flotilla/kube-port';
import { leanObject } from './lean-object.ts';
import { acceptOf, pathOf, queryOf, selectors } from './paths.ts';
import { AnswerTooLong, type Transport } from './transport.ts';
import { isRecord } from '@flotilla/std';

/** A part of a list. */
export interface Page {
  readonly objects: readonly KubeObject[];
  /** The version of the whole list, from which a watch continues. */
  readonly resourceVersion: string;
}

export interface ListRequest {
  readonly transport: Transport;
  readonly resource: KubeResource;
  readonly version: string;
  readonly selection: Selection;
  /** Objects per page; halved while pages are too long. */
  readonly pageSize: number;
  readonly signal: AbortSignal;
}

/**
 * The objects that exist, page by page (Kubernetes API concepts, "Retrieving large results sets in chunks"). All pages
 * show the same version. Throws KubeError: 404 when the kind does not exist, 410 when listing took too long.
 */
export async function* listPages(request: ListRequest): AsyncIterable<Page> {
  const { transport, resource, version, selection, signal } = request;
  let limit = request.pageSize;
  let next: string | undefined;
  for (;;) {
    const query = queryOf({ limit, continue: next, ...selectors(selection) });
    let list;
    try {
      list = await transport.sendForObject({
        method: 'GET',
        path: `${pathOf(resource, version, selection)}${query}`,
        accept: acceptOf(selection, 'List'),
        signal,
      });
    } catch (thrown) {
      if (!(thrown instanceof AnswerTooLong) || limit <= 1) throw thrown;
      limit = Math.ceil(limit / 2);
      continue;
    }
    const { apiVersion, kind, metadata, items } = list;
    if (typeof apiVersion !== 'string' || typeof kind !== 'string' || !isRecord(metadata) || !Array.isArray(items))
      throw new KubeError('the answer is not a list of objects');
    const itemKind = { apiVersion, kind: kind.replace(/List$/, '') };
    const { resourceVersion, continue: token } = metadata;
    next = typeof token === 'string' && token !== '' ? token : undefined;
    yield {
      objects: items.map((item) => leanObject(item, itemKind)).filter((object) => object !== undefined),
      resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
    };
    if (next === undefined) return;
  }
}
