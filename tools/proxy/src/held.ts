import { typeUrls, type XdsKind } from '@flotilla/pilot-xds';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import { endpointNames, routeNames } from './references.ts';

export interface HeldResource {
  readonly version: string;
  readonly json: Json;
}
/** A resource before and after a response; `before` is absent for a new one, `after` for one that is gone. */
export interface Change {
  readonly kind: XdsKind;
  readonly name: string;
  readonly before?: HeldResource;
  readonly after?: HeldResource;
}
/** The fields of a delta response that are used here. */
export interface Response {
  readonly typeUrl: string;
  readonly resources: readonly { readonly name: string; readonly version: string; readonly bytes: Uint8Array }[];
  readonly removed: readonly string[];
}

/** Types of which all resources are requested, each with the type whose names its resources refer to. */
const wholeKinds = { cds: 'eds', lds: 'rds' } as const;
type WholeKind = keyof typeof wholeKinds;
const kinds = Object.entries(typeUrls) as [XdsKind, string][];

/** The resources that a proxy has of each type, and the names for which it still waits. */
export class Held {
  readonly #byKind = new Map<XdsKind, Map<string, HeldResource>>();
  /** Names that have been requested and not yet answered. */
  readonly #awaited = new Map<XdsKind, Set<string>>();
  readonly #answered = new Set<XdsKind>();
  readonly #requested = new Map<XdsKind, ReadonlySet<string>>();

  resourcesOf(kind: XdsKind): ReadonlyMap<string, HeldResource> {
    return this.#byKind.get(kind) ?? new Map<string, HeldResource>();
  }

  /** Whether everything that has been requested has been answered. */
  get isComplete(): boolean {
    return (
      (Object.keys(wholeKinds) as WholeKind[]).every((kind) => this.#answered.has(kind)) &&
      [...this.#awaited.values()].every((names) => names.size === 0)
    );
  }

  /** Applies a response. Returns the resources that differ. */
  take({ typeUrl, resources, removed }: Response): readonly Change[] {
    const kind = kinds.find(([, url]) => url === typeUrl)?.[0];
    if (!kind) return [];
    const held = new Map(this.resourcesOf(kind));
    const awaited = this.#awaited.get(kind);
    const changes: Change[] = [];
    this.#answered.add(kind);
    for (const { name, version, bytes } of resources) {
      awaited?.delete(name);
      const before = held.get(name);
      if (before?.version === version) continue;
      const after = { version, json: toJson(typeUrl, bytes) };
      held.set(name, after);
      changes.push({ kind, name, after, ...(before ? { before } : {}) });
    }
    for (const name of removed) {
      awaited?.delete(name);
      const before = held.get(name);
      if (before && held.delete(name)) changes.push({ kind, name, before });
    }
    this.#byKind.set(kind, held);
    return changes;
  }

  /**
   * Updates the names to request of a type: those that its resources newly refer to, and those no longer referred to.
   */
  follow(kind: (typeof wholeKinds)[WholeKind]): {
    readonly added: readonly string[];
    readonly dropped: readonly string[];
  } {
    const wanted = new Set(kind === 'eds' ? endpointNames(this.#messages('cds')) : routeNames(this.#messages('lds')));
    const before = this.#requested.get(kind) ?? new Set<string>();
    const awaited = new Set([...(this.#awaited.get(kind) ?? [])].filter((name) => wanted.has(name)));
    const added = [...wanted].filter((name) => !before.has(name));
    const dropped = [...before].filter((name) => !wanted.has(name));
    for (const name of added) awaited.add(name);
    this.#awaited.set(kind, awaited);
    this.#requested.set(kind, wanted);
    const held = new Map(this.resourcesOf(kind));
    for (const name of dropped) held.delete(name);
    this.#byKind.set(kind, held);
    return { added, dropped };
  }

  /** Forgets all requests, because the stream has ended and everything will be requested again. */
  restart(): void {
    this.#awaited.clear();
    this.#answered.clear();
    this.#requested.clear();
  }

  #messages(kind: WholeKind): readonly Json[] {
    return [...this.resourcesOf(kind).values()].map(({ json }) => json);
  }
}
