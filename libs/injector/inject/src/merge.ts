import { ownMember, setMember, isRecord } from '@flotilla/std';
/** Lists of a pod that merge by a key; all others are replaced (the strategic merge of Kubernetes' core/v1). */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
  ports: 'containerPort',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  imagePullSecrets: 'name',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  resourceClaims: 'name',
};
/**
 * Lays an overlay over a value: objects merge, lists merge by their key where they have one, else are replaced; null
 * deletes. In a merged list the overlay's items come first, except that items found in both keep their place among the
 * base's.
 */
export function strategicMerge<T>(base: T, overlay: unknown): T {
  if (!isRecord(base) || !isRecord(overlay)) return overlay as T;
  const out: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(overlay)) {
    if (value === null) Reflect.deleteProperty(out, key);
    else if (value !== undefined) setMember(out, key, mergeMember(key, ownMember(out, key), value));
  }
  return out as T;
}

function mergeMember(key: string, base: unknown, overlay: unknown): unknown {
  const by = ownMember(mergeKeys, key);
  if (by && Array.isArray(overlay) && Array.isArray(base))
    return mergeLists(base as unknown[], overlay as unknown[], by);
  return isRecord(base) && isRecord(overlay) ? strategicMerge(base, overlay) : overlay;
}

function mergeLists(base: readonly unknown[], overlay: readonly unknown[], by: string): unknown[] {
  const keyOf = (item: unknown): unknown => (isRecord(item) ? item[by] : item);
  const places = new Map(base.map((item, i) => [keyOf(item), i]));
  const laid = overlay.map((item) => {
    const place = places.get(keyOf(item));
    return { place, item: place === undefined ? item : strategicMerge(base[place], item) };
  });
  const replaced = new Set(laid.map(({ place }) => place));
  const rest = base.map((item, place) => ({ place, item })).filter(({ place }) => !replaced.has(place));
  const out: unknown[] = [];
  let next = 0;
  for (const { place, item } of laid) {
    for (let other = rest[next]; place !== undefined && other && other.place < place; other = rest[next]) {
      out.push(other.item);
      next += 1;
    }
    out.push(item);
  }
  return [...out, ...rest.slice(next).map(({ item }) => item)];
}
