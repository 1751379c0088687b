import type { HTTPMatchRequest, HTTPRoute } from '@flotilla/model';
import type { ResolvedVirtualService } from './virtual-services.ts';

/** Istio's mergeVirtualServicesIfNeeded: a root's routes with each delegate's put in its place. A delegate of a delegate is dropped. */
export function mergeDelegates(root: ResolvedVirtualService, find: (key: string) => ResolvedVirtualService | undefined): HTTPRoute[] {
  return (root.spec.http ?? []).flatMap((route) => {
    if (!route.delegate) return [route];
    const delegate = find(`${route.delegate.namespace}/${route.delegate.name}`);
    return (delegate?.spec.http ?? []).flatMap((inner) => (inner.delegate ? [] : mergeRoute(route, inner) ?? []));
  });
}

/** The delegate's route under the root's; what the delegate leaves unset the root gives. Undefined when their matches conflict. */
function mergeRoute(root: HTTPRoute, inner: HTTPRoute): HTTPRoute | undefined {
  const match = mergeMatches(root.match ?? [], inner.match ?? []);
  if (!match) return undefined;
  const name = root.name && inner.name ? `${root.name}-${inner.name}` : root.name || inner.name;
  const { delegate: _, match: __, name: ___, ...given } = root;
  const set = Object.fromEntries(Object.entries(inner).filter(([, value]) => value !== undefined));
  return { ...given, ...set, name, match, headers: mergeHeaders(root.headers, inner.headers) };
}

function mergeHeaders(root: HTTPRoute['headers'], inner: HTTPRoute['headers']): HTTPRoute['headers'] {
  if (!root || !inner) return inner ?? root;
  const join = (a: NonNullable<HTTPRoute['headers']>['request'], b: typeof a): typeof a =>
    a && b ? { set: { ...a.set, ...b.set }, add: { ...a.add, ...b.add }, remove: [...(a.remove ?? []), ...(b.remove ?? [])] } : b ?? a;
  return { request: join(root.request, inner.request), response: join(root.response, inner.response) };
}

/** Every pair of matches merged; one conflict drops the whole route (undefined). A delegate with its own matches keeps those under the first root match. */
function mergeMatches(root: readonly HTTPMatchRequest[], inner: readonly HTTPMatchRequest[]): HTTPMatchRequest[] | undefined {
  if (root.length === 0) return [...inner];
  if (inner.length === 0) return [...root];
  const merged: HTTPMatchRequest[] = [];
  for (const i of inner) {
    const r = root[0] as HTTPMatchRequest;
    const both = mergeMatch(r, i);
    if (!both) return undefined;
    merged.push(both);
  }
  return merged;
}

function mergeMatch(root: HTTPMatchRequest, inner: HTTPMatchRequest): HTTPMatchRequest | undefined {
  const scalar = ['uri', 'scheme', 'method', 'authority', 'port', 'sourceNamespace'] as const;
  if (scalar.some((field) => root[field] && inner[field])) return undefined;
  const maps = ['headers', 'withoutHeaders', 'queryParams', 'sourceLabels'] as const;
  const clash = maps.some((field) => Object.keys(root[field] ?? {}).some((key) => inner[field] && key in inner[field]));
  if (clash) return undefined;
  const set = Object.fromEntries(Object.entries(inner).filter(([, value]) => value !== undefined && value !== ''));
  const joined = Object.fromEntries(maps.flatMap((field) => (root[field] || inner[field] ? [[field, { ...root[field], ...inner[field] }]] : [])));
  const name = root.name && inner.name ? `${root.name}-${inner.name}` : root.name || inner.name;
  return { ...root, ...set, ...joined, name, gateways: inner.gateways?.length ? inner.gateways : root.gateways };
}
