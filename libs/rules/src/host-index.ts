import { hostSubsetOf, isWildcard } from './host.ts';

/**
 * Hosts, of which some begin with a wildcard, by what follows it: what a host has in common with any of them is found
 * in time proportional to its length, however many they are.
 */
export class HostIndex {
  readonly #hosts: readonly string[];
  readonly #exact = new Map<string, number[]>();
  /** By what follows the `*`. */
  readonly #wildcards = new Map<string, number[]>();
  readonly #suffixLengths: readonly number[];

  constructor(hosts: readonly string[]) {
    this.#hosts = hosts;
    for (const [place, host] of hosts.entries()) {
      const [map, key] = isWildcard(host)
        ? ([this.#wildcards, host.slice(1)] as const)
        : ([this.#exact, host] as const);
      const places = map.get(key);
      if (places) places.push(place);
      else map.set(key, [place]);
    }
    this.#suffixLengths = [...new Set([...this.#wildcards.keys()].map(({ length }) => length))];
  }

  /** Is every host that `host` means also meant by one of these (Istio's host.Name.SubsetOf)? */
  covers(host: string): boolean {
    return this.#exact.has(host) || this.#suffixesOf(host).some((suffix) => this.#wildcards.has(suffix));
  }

  /**
   * Places of two that have hosts in common (Istio's host.Name.Matches), the smaller first, each pair once; as many as
   * the caller takes.
   */
  *overlaps(): Iterable<readonly [number, number]> {
    for (const [place, host] of this.#hosts.entries()) {
      if (!isWildcard(host)) yield* pairsBefore(this.#exact.get(host) ?? [], place);
      for (const suffix of this.#suffixesOf(host)) {
        const places = this.#wildcards.get(suffix) ?? [];
        if (isWildcard(host) && suffix.length === host.length - 1) yield* pairsBefore(places, place);
        else for (const other of places) yield other < place ? [other, place] : [place, other];
      }
    }
  }

  /**
   * The hosts that both lists name: of each pair that overlaps the more specific (Istio's host.Names.Intersection), in
   * the order of this list, then of the other. A wildcard among the others is compared with all of this list.
   */
  intersect(others: readonly string[]): string[] {
    const found: { readonly place: number; readonly host: string }[] = [];
    for (const other of others)
      for (const place of this.#overlapping(other)) {
        const host = this.#hosts[place] ?? '';
        found.push({ place, host: hostSubsetOf(host, other) ? host : other });
      }
    return [...new Set(found.sort((a, b) => a.place - b.place).map(({ host }) => host))];
  }

  #overlapping(other: string): readonly number[] {
    if (!isWildcard(other))
      return [
        ...(this.#exact.get(other) ?? []),
        ...this.#suffixesOf(other).flatMap((suffix) => this.#wildcards.get(suffix) ?? []),
      ];
    return this.#hosts.flatMap((host, place) => (hostSubsetOf(host, other) || hostSubsetOf(other, host) ? place : []));
  }

  /** The ends of a host that may follow a wildcard: of a wildcard none that holds its own `*`. */
  #suffixesOf(host: string): readonly string[] {
    const longest = isWildcard(host) ? host.length - 1 : host.length;
    return this.#suffixLengths.filter((length) => length <= longest).map((length) => host.slice(host.length - length));
  }
}

function* pairsBefore(places: readonly number[], place: number): Iterable<readonly [number, number]> {
  for (const other of places) {
    if (other >= place) return;
    yield [other, place];
  }
}
