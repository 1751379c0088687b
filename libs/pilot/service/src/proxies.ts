import type { Effect, Protocol, Resource, Source, State } from '@flotilla/ads';
import type { Observability } from '@flotilla/observability-port';
import { parseProxy, type ProxyAttributes } from '@flotilla/pilot-world';
import { allOf, oneOf, typeUrls, type XdsKind, type XdsResource } from '@flotilla/pilot-xds';
import type { Node, Push, Session } from '@flotilla/pilot-server';
import { Subject, type Engine, type Watch } from '@flotilla/query';
import { messageOf } from '@flotilla/std';
import { structToJson } from './struct.ts';

const kinds = Object.entries(typeUrls) as [XdsKind, string][];
const kindOf = new Map(kinds.map(([kind, url]) => [url, kind]));

/** Envoy's order and dependencies of types: after a cluster its endpoints, after a listener its routes. */
export const xdsProtocol: Protocol = {
  order: kinds.map(([, url]) => url),
  whole: new Set([typeUrls.cds, typeUrls.lds, typeUrls.nds]),
  follows: [{ after: typeUrls.cds, type: typeUrls.eds, sameName: true }, { after: typeUrls.lds, type: typeUrls.rds, sameName: false }],
  maxNames: 20_000,
};

const toResource = ({ name, hash, bytes }: XdsResource): Resource => ({ name, version: hash, bytes });
const resources = new WeakMap<XdsResource, Resource>();
function resourceOf(resource: XdsResource): Resource {
  const known = resources.get(resource) ?? toResource(resource);
  resources.set(resource, known);
  return known;
}

/** Whose a watch is, and what of it: one name of a type, or the whole of it. */
export interface Owner { readonly proxy: Proxy; readonly typeUrl: string; readonly name?: string }

/** One connected proxy: its attributes, and a watch on each thing that it has asked for. */
export class Proxy implements Session {
  readonly attributes: ProxyAttributes;
  readonly push: Push;
  #subscriptions: State['subscriptions'] = new Map();
  readonly #engine: Engine;
  readonly #subject: Subject;
  readonly #watches = new Map<string, Watch>();
  readonly #owners: Map<Watch, Owner>;
  readonly #observability: Observability;
  readonly #onClose: () => void;
  readonly source: Source;

  /** Throws when the node is none that pilot serves. */
  constructor(node: Node, of: { engine: Engine; owners: Map<Watch, Owner>; push: Push; observability: Observability; onClose: (proxy: Proxy) => void }) {
    const parsed = parseProxy({
      id: node.id ?? '', metadata: structToJson(node.metadata), extensions: (node.extensions ?? []).flatMap(({ name }) => name ?? []), locality: node.locality ?? null,
    });
    if (!parsed.ok) throw new Error(parsed.error);
    this.attributes = parsed.value;
    this.#engine = of.engine;
    this.#owners = of.owners;
    this.push = of.push;
    this.#observability = of.observability;
    this.#onClose = () => of.onClose(this);
    this.#subject = new Subject(parsed.value as unknown as Record<string, unknown>);
    this.source = {
      all: (typeUrl) => this.#guard(typeUrl, () => this.#all(typeUrl)) ?? [],
      get: (typeUrl, name) => this.#guard(name, () => this.#get(typeUrl, name)),
    };
  }

  /** What was asked for is watched, what no longer is is let go. */
  onState({ subscriptions }: State): void {
    const before = this.#subscriptions;
    this.#subscriptions = subscriptions;
    const same = subscriptions.size === before.size && [...subscriptions].every(([typeUrl, { names, wildcard }]) => names === before.get(typeUrl)?.names && wildcard === before.get(typeUrl)?.wildcard);
    if (same) return;
    const wanted = new Set<string>();
    for (const [typeUrl, { wildcard, names }] of subscriptions) {
      const kind = kindOf.get(typeUrl);
      if (!kind) continue;
      if (wildcard) wanted.add(`${kind}`);
      for (const name of names) wanted.add(`${kind}|${name}`);
    }
    for (const [id, watch] of this.#watches) if (!wanted.has(id)) this.#drop(id, watch);
    for (const id of wanted) {
      if (this.#watches.has(id)) continue;
      const kind = id.slice(0, 3) as XdsKind;
      const watch = id.length === 3 ? this.#engine.watch(allOf, kind, this.#subject) : this.#engine.watch(oneOf, id, this.#subject);
      this.#watches.set(id, watch);
      this.#owners.set(watch, { proxy: this, typeUrl: typeUrls[kind], ...(id.length === 3 ? {} : { name: id.slice(4) }) });
    }
  }

  onEffect(effect: Effect): void {
    if (effect.kind !== 'rejected') return;
    this.#observability.log.scope('ads').warn('configuration refused by proxy', { proxy: this.attributes.id, type: kindOf.get(effect.typeUrl) ?? effect.typeUrl, error: effect.error });
    this.#observability.metrics.counter('pilot_total_xds_rejects', 'Responses that a proxy refused.', ['type']).add(1, { type: kindOf.get(effect.typeUrl) ?? 'unknown' });
  }

  close(): void {
    for (const [id, watch] of this.#watches) this.#drop(id, watch);
    this.#onClose();
  }

  #drop(id: string, watch: Watch): void {
    this.#engine.unwatch(watch);
    this.#owners.delete(watch);
    this.#watches.delete(id);
  }

  #all(typeUrl: string): readonly Resource[] {
    const kind = kindOf.get(typeUrl);
    return kind ? this.#engine.read(allOf, kind, this.#subject).map(resourceOf) : [];
  }

  #get(typeUrl: string, name: string): Resource | undefined {
    const kind = kindOf.get(typeUrl);
    const found = kind && this.#engine.read(oneOf, `${kind}|${name}`, this.#subject);
    return found ? resourceOf(found) : undefined;
  }

  /** A bug in one resource must not take the stream down: it is told, and the others go on. */
  #guard<T>(what: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#observability.log.scope('ads').error('resource could not be generated', { proxy: this.attributes.id, resource: what, error: messageOf(error) });
      return undefined;
    }
  }
}
