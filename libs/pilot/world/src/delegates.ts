import type { HTTPMatchRequest, HTTPRoute, StringMatch, VirtualService } from '@flotilla/model';
import { Delegations } from '@flotilla/rules';

interface Routing {
  readonly spec: VirtualService;
}

/**
 * Istio's mergeVirtualServicesIfNeeded: a root's routes with each delegate's put in its place. A delegate of a delegate
 * is dropped, and so is a delegate for whose routes there is no room (`Delegations`); galley reports it.
 */
export function mergeDelegates(
  root: Routing,
  find: (delegate: NonNullable<HTTPRoute['delegate']>) => Routing | undefined,
): HTTPRoute[] {
  const delegations = new Delegations();
  return (root.spec.http ?? []).flatMap((route) => {
    if (!route.delegate) return [route];
    const routes = find(route.delegate)?.spec.http ?? [];
    if (!delegations.take(route, routes)) return [];
    return routes.flatMap((inner) => (inner.delegate ? [] : (mergeRoute(route, inner) ?? [])));
  });
}

/**
 * The delegate's route under the root's; what the delegate leaves unset the root gives. Undefined when their matches
 * conflict.
 */
function mergeRoute(root: HTTPRoute, inner: HTTPRoute): HTTPRoute | undefined {
  const match = mergeMatches(root.match ?? [], inner.match ?? []);
  if (!match) return undefined;
  const name = root.name && inner.name ? `${root.name}-${inner.name}` : root.name || inner.name;
  const { delegate: _, match: __, name: ___, ...given } = root;
  const set = Object.fromEntries(Object.entries(inner).filter(([, value]) => value !== undefined));
  return { ...given, ...set, name, match };
}

/**
 * Each of the delegate's matches under the first of the root's that it doesn't contradict; one that contradicts all
 * drops the whole route (undefined).
 */
function mergeMatches(
  root: readonly HTTPMatchRequest[],
  inner: readonly HTTPMatchRequest[],
): HTTPMatchRequest[] | undefined {
  if (root.length === 0) return [...inner];
  if (inner.length === 0) return [...root];
  const merged = inner.map((leaf) => {
    const found = root.find((each) => !contradicts(each, leaf));
    return found && mergeMatch(found, leaf);
  });
  return merged.every((match) => match !== undefined) ? merged : undefined;
}

const maps = ['headers', 'withoutHeaders', 'queryParams'] as const;

/** Istio's hasConflict: what the delegate matches must lie within what the root does. */
function contradicts(root: HTTPMatchRequest, leaf: HTTPMatchRequest): boolean {
  return (
    (['uri', 'scheme', 'method', 'authority'] as const).some((field) => textsContradict(root[field], leaf[field])) ||
    maps.some((field) =>
      Object.entries(leaf[field] ?? {}).some(([key, match]) => textsContradict(root[field]?.[key], match)),
    ) ||
    (root.ignoreUriCase ?? false) !== (leaf.ignoreUriCase ?? false) ||
    Boolean(root.port && leaf.port && root.port !== leaf.port) ||
    Boolean(root.sourceNamespace && root.sourceNamespace !== leaf.sourceNamespace) ||
    Object.entries(leaf.sourceLabels ?? {}).some(([key, value]) => (root.sourceLabels?.[key] ?? value) !== value) ||
    Boolean(root.gateways?.length && leaf.gateways?.some((gateway) => !root.gateways?.includes(gateway)))
  );
}

/**
 * Istio's stringMatchConflict: a regular expression goes with no other match; an exact text or a prefix must begin with
 * the root's prefix, or equal its text.
 */
function textsContradict(root: StringMatch | undefined, leaf: StringMatch | undefined): boolean {
  if (!root || !leaf) return false;
  if (root.regex || leaf.regex) return true;
  const leafText = leaf.exact || leaf.prefix || '';
  if (root.exact) return root.exact !== leaf.exact;
  return root.prefix ? !leafText.startsWith(root.prefix) : true;
}

function mergeMatch(root: HTTPMatchRequest, inner: HTTPMatchRequest): HTTPMatchRequest {
  const set = Object.fromEntries(Object.entries(inner).filter(([, value]) => value !== undefined && value !== ''));
  const joined = Object.fromEntries(
    [...maps, 'sourceLabels' as const].flatMap((field) =>
      root[field] || inner[field] ? [[field, { ...root[field], ...inner[field] }]] : [],
    ),
  );
  const name = root.name && inner.name ? `${root.name}-${inner.name}` : root.name || inner.name;
  return { ...root, ...set, ...joined, name, gateways: inner.gateways?.length ? inner.gateways : root.gateways };
}
