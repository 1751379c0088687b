import { typeUrls, type XdsKind } from '@flotilla/pilot-xds';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import { isRecord } from '@flotilla/std';

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
/** A delta response, as far as it is read here. */
export interface Response {
  readonly typeUrl: string;
  readonly resources: readonly { readonly name: string; readonly version: string; readonly bytes: Uint8Array }[];
  readonly removed: readonly string[];
}

/** Types of which everything is requested, each with the type whose names are taken from its resources. */
const wholeKinds = { cds: 'eds', lds: 'rds' } as const;
type WholeKind = keyof typeof wholeKinds;
const kinds = Object.entries(typeUrls) as [XdsKind, string][];

/** What a proxy has of each type, and what it has yet to receive. */
export class Held {
  readonly #byKind = new Map<XdsKind, Map<string, HeldResource>>();
  /** Names that have been requested and not been answered. */
  readonly #awaited = new Map<XdsKind, Set<string>>();
  readonly #answered = new Set<XdsKind>();
  readonly #requested = new Map<XdsKind, ReadonlySet<string>>();

  of(kind: XdsKind): ReadonlyMap<string, HeldResource> {
    return this.#byKind.get(kind) ?? new Map<string, HeldResource>();
  }

  /** Whether everything that has been requested has been answered. */
  get isComplete(): boolean {
    return (
      (Object.keys(wholeKinds) as WholeKind[]).every((kind) => this.#answered.has(kind)) &&
      [...this.#awaited.values()].every((names) => names.size === 0)
    );
  }

  /** Takes over a response. Returns what differs. */
  take({ typeUrl, resources, removed }: Response): readonly Change[] {
    const kind = kinds.find(([, url]) => url === typeUrl)?.[0];
    if (!kind) return [];
    const held = new Map(this.of(kind));
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

  /** Names of a type that the others refer to, as far as they have not been requested; and those requested in vain. */
  follow(kind: (typeof wholeKinds)[WholeKind]): {
    readonly added: readonly string[];
    readonly dropped: readonly string[];
  } {
    const wanted = new Set(kind === 'eds' ? this.#endpointNames() : this.#routeNames());
    const before = this.#requested.get(kind) ?? new Set<string>();
    const awaited = new Set([...(this.#awaited.get(kind) ?? [])].filter((name) => wanted.has(name)));
    const added = [...wanted].filter((name) => !before.has(name));
    const dropped = [...before].filter((name) => !wanted.has(name));
    for (const name of added) awaited.add(name);
    this.#awaited.set(kind, awaited);
    this.#requested.set(kind, wanted);
    const held = new Map(this.of(kind));
    for (const name of dropped) held.delete(name);
    this.#byKind.set(kind, held);
    return { added, dropped };
  }

  /** The stream has ended: everything will be requested again. */
  restart(): void {
    this.#awaited.clear();
    this.#answered.clear();
    this.#requested.clear();
  }

  #endpointNames(): string[] {
    return [...this.of('cds')].flatMap(([name, { json }]) => {
      if (!isRecord(json) || json['type'] !== 'EDS') return [];
      const config = json['edsClusterConfig'];
      return String((isRecord(config) ? config['serviceName'] : undefined) ?? name);
    });
  }

  #routeNames(): string[] {
    return [...this.of('lds').values()].flatMap(({ json }) => routeNamesIn(json));
  }
}

/** Names of the route configurations that a listener refers to, wherever. */
function routeNamesIn(json: unknown): readonly string[] {
  if (Array.isArray(json)) return json.flatMap(routeNamesIn);
  if (!isRecord(json)) return [];
  return Object.entries(json).flatMap(([field, value]) =>
    field === 'rds' && isRecord(value) ? [String(value['routeConfigName'])] : routeNamesIn(value),
  );
}
