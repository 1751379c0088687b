import { completed, type Made, type XdsKind, type XdsResource } from '@flotilla/pilot-xds';
import type { ListWatch, QueryKey, Subject, Watch } from '@flotilla/query';
import type { ProxyReport } from './report/proxy-report.ts';

/** A proxy, as far as lists are concerned. */
export interface Holder {
  readonly subject: Subject;
  /** What it has answered, where somebody wants to know. */
  readonly report?: ProxyReport;
  /** The list that the holder has in place of another one, because they differ for its subject now. */
  onMoved(from: SharedList, now: SharedList): void;
}

/** A member that can't be made, or a query that can't name members; what proxies have of it stays in force. */
export interface Failure {
  readonly query: { readonly name: string };
  readonly key: QueryKey;
  readonly error: unknown;
  /** Names of the resources that proxies have of it. */
  readonly resources: readonly string[];
  /** On the result that has failed, or read what has. */
  readonly watch: Watch;
}

/**
 * A list as all proxies of one class have it: those that share every result in it. It holds what each member made last,
 * so that a member that fails costs nothing but its own changes.
 */
export class SharedList {
  readonly kind: XdsKind;
  readonly watch: ListWatch<Made>;
  readonly holders = new Set<Holder>();
  /** What each member made last. */
  readonly #made = new Map<Watch, XdsResource>();
  readonly #failing = new Set<Watch>();
  /** Members that were made without some of their parts. */
  readonly #partial = new Set<Watch>();
  #byName = new Map<string, XdsResource>();
  #inOrder: readonly XdsResource[] | undefined;

  /** Members that fail from the start are taken from `former`, if that has them: it was its holders' list until now. */
  constructor(kind: XdsKind, watch: ListWatch<Made>, former?: SharedList) {
    this.kind = kind;
    this.watch = watch;
    for (const each of watch.members) this.#take(each.watch);
    this.#keep((name) => former?.get(name));
    this.#byName = this.#named();
  }

  /** In the order of the members; of several of one name the first. */
  get resources(): readonly XdsResource[] {
    this.#inOrder ??= [...this.#named().values()];
    return this.#inOrder;
  }

  get(name: string): XdsResource | undefined {
    return this.#byName.get(name);
  }

  /** Whether some member fails that has never made anything: there may be a resource that the list does not hold. */
  get isIncomplete(): boolean {
    for (const watch of this.#failing) if (!this.#made.has(watch)) return true;
    return false;
  }

  get failures(): readonly Failure[] {
    const { failed, failedSources, naming } = this.watch;
    if (this.#failing.size + this.#partial.size === 0 && !failed && failedSources.length === 0) return [];
    return [
      ...[...this.#failing].flatMap((watch) => this.#failureOf(watch)),
      ...[...this.#partial].flatMap((watch) => this.#failedPartsOf(watch)),
      ...(failed ? this.#failureOf(failed) : []),
      ...failedSources.flatMap((one) =>
        naming ? [{ ...one, resources: this.#madeFrom(one.source), watch: naming }] : [],
      ),
    ];
  }

  /**
   * Takes over what has changed: these watches, and which members there are if they were named again. Returns the names
   * of which another resource is in force now, or none any more.
   */
  update(changed: ReadonlySet<Watch>, isRenamed: boolean): ReadonlySet<string> {
    const names = new Set<string>();
    let isSame = !isRenamed;
    for (const { watch } of isRenamed ? this.watch.members : [])
      if (watch.list && !changed.has(watch) && !this.#made.has(watch)) this.#take(watch);
    for (const watch of changed) {
      if (!watch.list || this.watch.isNaming(watch)) continue;
      const before = this.#made.get(watch);
      this.#take(watch);
      const now = this.#made.get(watch);
      if (before?.name === now?.name && this.#isInForce(before)) {
        if (now && now.version !== before?.version) names.add(now.name);
        if (now) this.#byName.set(now.name, now);
      } else isSame = false;
    }
    this.#inOrder = undefined;
    if (isSame) return names;
    if (isRenamed) this.#forgetOthers();
    const before = this.#byName;
    this.#keep((name) => before.get(name));
    this.#byName = this.#named();
    for (const [name, { version }] of this.#byName) if (before.get(name)?.version !== version) names.add(name);
    for (const name of before.keys()) if (!this.#byName.has(name)) names.add(name);
    return names;
  }

  #isInForce(resource: XdsResource | undefined): boolean {
    return resource === undefined || this.#byName.get(resource.name) === resource;
  }

  #take(watch: Watch): void {
    const { outcome } = watch;
    this.#partial.delete(watch);
    if ('error' in outcome) {
      this.#failing.add(watch);
      return;
    }
    this.#failing.delete(watch);
    const resource = outcome.value as Made;
    if (resource?.parts?.failed.length) this.#partial.add(watch);
    // What of it is missing is what it had until now; where that can't be put together, all of it is.
    const made = resource && (completed(resource, this.#made.get(watch)) ?? this.#made.get(watch));
    if (made) this.#made.set(watch, made);
    else this.#made.delete(watch);
  }

  #forgetOthers(): void {
    const named = new Set(this.watch.members.map(({ watch }) => watch));
    for (const watch of this.#made.keys()) if (!named.has(watch)) this.#made.delete(watch);
    for (const watch of this.#failing) if (!named.has(watch)) this.#failing.delete(watch);
    for (const watch of this.#partial) if (!named.has(watch)) this.#partial.delete(watch);
  }

  #named(): Map<string, XdsResource> {
    const found = new Map<string, XdsResource>();
    for (const { watch } of this.watch.members) {
      const resource = this.#made.get(watch);
      if (resource && !found.has(resource.name)) found.set(resource.name, resource);
    }
    return found;
  }

  /** A member that fails and has made nothing yet stays what was in force under its name; so do parts that fail. */
  #keep(inForce: (name: string) => XdsResource | undefined): void {
    if (this.#failing.size + this.#partial.size === 0) return;
    for (const { member, watch } of this.watch.members) {
      const made = this.#made.get(watch);
      const isMissing = this.#failing.has(watch) ? !made : (made?.parts?.missing.size ?? 0) > 0;
      const former = isMissing ? inForce(member.name) : undefined;
      const kept = made && former ? completed(made, former) : former;
      if (kept) this.#made.set(watch, kept);
    }
  }

  #failedPartsOf(watch: Watch): readonly Failure[] {
    const made = this.#made.get(watch);
    const { outcome } = watch;
    const failed = ('value' in outcome ? (outcome.value as Made) : undefined)?.parts?.failed ?? [];
    return failed.map(({ id, query, key, error }) => ({
      query,
      key,
      error,
      resources: made && !made.parts?.missing.has(id) ? [made.name] : [],
      watch,
    }));
  }

  #failureOf(watch: Watch): readonly Failure[] {
    const { query, key, outcome } = watch;
    const made = this.#made.get(watch);
    return 'error' in outcome ? [{ query, key, error: outcome.error, resources: made ? [made.name] : [], watch }] : [];
  }

  #madeFrom(source: string): string[] {
    return this.watch.members.flatMap(({ member, watch }) =>
      member.source === source ? (this.#made.get(watch)?.name ?? []) : [],
    );
  }
}
