import type { Effect, Protocol, Resource, Source } from '@flotilla/ads';
import type { Logger, Tracer } from '@flotilla/observability-port';
import {
  parseProxy,
  proofOf,
  proxySubject,
  workload,
  type ProxyAttributes,
  type ServiceAccounts,
} from '@flotilla/pilot-world';
import { allOf, oneOf, resourceKey, typeUrls, type ResourceKey, type XdsKind } from '@flotilla/pilot-xds';
import { PermissionDenied, type Opening, type Push, type Session } from '@flotilla/pilot-server';
import { Subject, type Engine, type Watch } from '@flotilla/query';
import { messageOf } from '@flotilla/std';
import { createDeliveries, type Cause } from './deliveries.ts';
import type { PilotMetrics } from './metrics.ts';
import { createSecretReports } from './secret-reports.ts';
import { structToJson } from './struct.ts';

const kinds = Object.entries(typeUrls) as [XdsKind, string][];
const kindOf = new Map(kinds.map(([kind, url]) => [url, kind]));

/** `cds`, `eds` ... of a type's URL. */
export const nameOfType = (typeUrl: string): string => kindOf.get(typeUrl) ?? 'unknown';

/** Envoy's order and dependencies of types: after a cluster its endpoints, after a listener its routes. */
export const xdsProtocol: Omit<Protocol, 'limits'> = {
  order: kinds.map(([, url]) => url),
  whole: new Set([typeUrls.cds, typeUrls.lds, typeUrls.nds]),
  follows: [
    { after: typeUrls.cds, type: typeUrls.eds, sameName: true },
    { after: typeUrls.lds, type: typeUrls.rds, sameName: false },
  ],
};

/** What of a type has changed: one name, or the whole of it. */
interface Changed {
  readonly typeUrl: string;
  readonly name?: string;
}

/** What a proxy watches: a type that it takes whole, or one resource. */
type Watched = XdsKind | ResourceKey;

const changedOf = (watched: Watched): Changed =>
  typeof watched === 'string'
    ? { typeUrl: typeUrls[watched] }
    : { typeUrl: typeUrls[watched.kind], name: watched.name };

export interface ProxyContext {
  readonly engine: Engine;
  readonly tracer: Tracer;
  readonly metrics: PilotMetrics;
  /** How many names that there is nothing by are watched for one proxy. */
  readonly maxUnknownNames: number;
  /** Who may have credentials. */
  readonly credentialReaders: ServiceAccounts;
  /** Is it known that there is no credential of this name? */
  isAbsent(name: string): boolean;
  /** From now on the proxy's watches have its subject, and no longer `before`. */
  onSubject(proxy: Proxy, before?: Subject): void;
  /** The proxy has let go of a result, which may be held by nobody now. */
  onDropped(): void;
  onClose(proxy: Proxy): void;
}

/**
 * The attributes of who opens a stream. Throws when the node is not one that pilot serves, and PermissionDenied when
 * its certificate is of another namespace.
 */
function attributesOf({ node, identity }: Opening, readers: ServiceAccounts): ProxyAttributes {
  const proof = identity === undefined ? undefined : proofOf(identity, readers);
  if (proof?.ok === false) throw new PermissionDenied(proof.error);
  const parsed = parseProxy(
    {
      id: node.id ?? '',
      cluster: node.cluster ?? '',
      metadata: structToJson(node.metadata),
      extensions: (node.extensions ?? []).flatMap(({ name }) => name ?? []),
      locality: node.locality ?? null,
    },
    proof?.value,
  );
  if (!parsed.ok) throw new Error(parsed.error);
  const { id, namespace } = parsed.value;
  if (proof && proof.value.namespace !== namespace)
    throw new PermissionDenied(`${proof.value.identity} may not have what is for node ${id} of namespace ${namespace}`);
  return parsed.value;
}

/** All of a type: the query's result, and what a proxy is given of it. */
interface Whole {
  readonly answered: readonly Resource[];
  readonly made: readonly Resource[];
}

/** Runs of queries, a few dozen microseconds each, before everything else in the process has its turn. */
export const runsPerPiece = 2000;

/** One connected proxy: its attributes, and a watch on each thing that it has asked for. */
export class Proxy implements Session {
  readonly attributes: ProxyAttributes;
  readonly source: Source;
  /** Whom queries are asked for: another one when its workload's labels change. */
  subject: Subject;
  /** Its workload's labels, asked for with what it sent. */
  readonly labels: Watch;
  readonly #context: ProxyContext;
  readonly #push: Push;
  readonly #hit: Opening['hit'];
  readonly #log: Logger;
  readonly #deliveries: ReturnType<typeof createDeliveries>;
  readonly #secrets: ReturnType<typeof createSecretReports>;
  readonly #watches = new Map<Watched, Watch>();
  /** What it was answered last of each type that is taken whole. */
  readonly #whole = new Map<XdsKind, Whole>();
  /** Names watched though they were not known when they were asked for. */
  readonly #unknown = new Set<ResourceKey>();
  /** Names that would have been more of those. */
  readonly #unwatched = new Set<ResourceKey>();
  /** Types that it has asked for. */
  readonly #asked = new Set<XdsKind>();
  #cause: Cause | undefined;

  /** Throws as attributesOf does. */
  constructor(opening: Opening, context: ProxyContext) {
    this.attributes = attributesOf(opening, context.credentialReaders);
    this.#context = context;
    this.#push = opening.push;
    this.#hit = opening.hit;
    this.#log = opening.log.with({ proxy: this.attributes.id });
    this.labels = context.engine.watch(workload, '', new Subject({ ...this.attributes }));
    this.subject = this.#subjectNow();
    context.onSubject(this);
    this.#secrets = createSecretReports({ ...context, log: this.#log }, this.attributes);
    this.#deliveries = createDeliveries(context, { proxy: this.attributes.id, nameOf: nameOfType });
    this.source = { all: (typeUrl) => this.#all(typeUrl), get: (typeUrl, name) => this.#get(typeUrl, name) };
    this.#log.info('proxy connected', { identity: this.attributes.identity });
  }

  /**
   * What a watch that has changed means to the proxy. Other labels may mean other answers to all that it has asked for.
   */
  changedBy(watch: Watch): readonly Changed[] {
    if (watch !== this.labels) return [changedOf(watch.key as Watched)];
    const before = this.subject;
    this.subject = this.#subjectNow();
    for (const [key, former] of [...this.#watches]) {
      this.#context.engine.unwatch(former);
      this.#watch(key);
    }
    this.#context.onSubject(this, before);
    return [...this.#asked].map((kind) => ({ typeUrl: typeUrls[kind] }));
  }

  #subjectNow(): Subject {
    try {
      return proxySubject(this.#context.engine, this.attributes);
    } catch (error) {
      this.#tellFailure('labels', messageOf(error));
      return new Subject({ ...this.attributes });
    }
  }

  prepare(typeUrl: string): boolean {
    const kind = kindOf.get(typeUrl);
    if (!kind || !xdsProtocol.whole.has(typeUrl)) return true;
    return this.#context.engine.prepare(allOf, kind, { subject: this.subject, runs: runsPerPiece });
  }

  /** Sends what differs of these; a push that has to wait for a slow client keeps the first cause. */
  push(types: Parameters<Push>[0], cause: Cause): void {
    this.#cause ??= cause;
    this.#push(types);
  }

  onPushed(): void {
    this.#cause = undefined;
  }

  /** Citadel has said that there are no credentials of these names. */
  onAbsent(names: ReadonlySet<string>): void {
    if (this.attributes.credentialNamespace === undefined) return;
    const asked = [...this.#watches.keys()].flatMap((key) =>
      typeof key !== 'string' && key.kind === 'sds' ? [key.name] : [],
    );
    this.#secrets.absent(names, { asked, subject: this.subject });
  }

  onEffect(effect: Effect): void {
    this.#deliveries.note(effect, this.#cause);
    if (effect.kind === 'subscribed') this.#follow(effect);
    if (effect.kind === 'send' && this.#unknown.size > 0) this.#becomeKnown(effect);
    if (effect.kind === 'send') this.#logPush(effect);
    if (effect.kind !== 'rejected') return;
    const { metrics } = this.#context;
    const type = nameOfType(effect.typeUrl);
    this.#log.warn('configuration refused by proxy', { type, error: effect.error });
    metrics.rejected(type, this.attributes.id);
  }

  #logPush({ typeUrl, resources, removed }: Extract<Effect, { kind: 'send' }>): void {
    this.#log.debug('push', () => ({
      type: nameOfType(typeUrl),
      resources: resources.length,
      removed: removed.length,
      bytes: resources.reduce((sum, { bytes }) => sum + bytes.length, 0),
      cause: this.#cause ? 'configuration' : 'request',
    }));
  }

  /**
   * What is asked for is watched, what no longer is is let go: types that are taken whole as a whole, others name by
   * name.
   */
  #follow({ typeUrl, added, dropped, wildcard, size }: Extract<Effect, { kind: 'subscribed' }>): void {
    const kind = kindOf.get(typeUrl);
    if (!kind) return;
    this.#asked.add(kind);
    if (xdsProtocol.whole.has(typeUrl)) {
      const isWanted = wildcard || size > 0;
      if (isWanted && !this.#watches.has(kind)) this.#watch(kind);
      if (!isWanted) this.#drop(kind);
      return;
    }
    for (const name of added) this.#watchNamed(kind, name);
    for (const name of dropped) {
      const key = resourceKey({ kind, name });
      this.#unwatched.delete(key);
      this.#drop(key);
    }
    if (kind === 'sds') this.#secrets.asked(added, this.subject);
  }

  #becomeKnown({ typeUrl, resources }: Extract<Effect, { kind: 'send' }>): void {
    const kind = kindOf.get(typeUrl);
    if (!kind) return;
    for (const { name } of resources) {
      const key = resourceKey({ kind, name });
      if (!(this.#unknown.has(key) || this.#unwatched.has(key)) || !this.#isKnown(kind, name)) continue;
      this.#unknown.delete(key);
      if (this.#unwatched.delete(key)) this.#watch(key);
    }
  }

  close(): void {
    for (const key of this.#watches.keys()) this.#drop(key);
    this.#context.engine.unwatch(this.labels);
    this.#deliveries.close();
    this.#log.info('proxy disconnected');
    this.#context.metrics.forget(this.attributes.id);
    this.#context.onClose(this);
  }

  /**
   * Names can be made up, of a subset for example, and each costs as much as a real one; so only some of the unknown
   * ones are watched. Another one is once something else brings it, as a new cluster brings its endpoints.
   */
  #watchNamed(kind: XdsKind, name: string): void {
    const key = resourceKey({ kind, name });
    if (this.#isKnown(kind, name)) return this.#watch(key);
    if (this.#unknown.size < this.#context.maxUnknownNames) {
      this.#unknown.add(key);
      return this.#watch(key);
    }
    if (this.#unwatched.size === 0) this.#hit('xds_unknown_names');
    this.#unwatched.add(key);
    this.#context.onDropped();
  }

  /**
   * Endpoints, and a sidecar's routes for one host, are known by the proxy's clusters: there is an answer to any name.
   */
  #isKnown(kind: XdsKind, name: string): boolean {
    const colon = kind === 'rds' && this.attributes.type === 'sidecar' ? name.lastIndexOf(':') : -1;
    const cluster =
      kind === 'eds' ? name : colon < 0 ? undefined : `outbound|${name.slice(colon + 1)}||${name.slice(0, colon)}`;
    if (cluster === undefined) return this.#get(typeUrls[kind], name) !== undefined;
    return this.#watches.has('cds') && byName(this.#all(typeUrls.cds)).has(cluster);
  }

  #watch(key: Watched): void {
    const { engine } = this.#context;
    this.#watches.set(
      key,
      typeof key === 'string' ? engine.watch(allOf, key, this.subject) : engine.watch(oneOf, key, this.subject),
    );
  }

  #drop(key: Watched): void {
    const watch = this.#watches.get(key);
    if (!watch) return;
    this.#context.engine.unwatch(watch);
    this.#watches.delete(key);
    if (typeof key !== 'string') this.#unknown.delete(key);
    this.#context.onDropped();
  }

  /**
   * While some can't be made, what the proxy has of those and of all that is gone since stays in force: nothing tells
   * the two apart.
   */
  #all(typeUrl: string): readonly Resource[] {
    const kind = kindOf.get(typeUrl);
    if (!kind) return [];
    const answered = this.#context.engine.read(allOf, kind, this.subject);
    const known = this.#whole.get(kind);
    if (known?.answered === answered) return known.made;
    const failed = answered.filter(({ failure }) => failure !== undefined);
    for (const { name, failure = '' } of failed) this.#tellFailure(`${kind} ${name}`, failure);
    const made =
      failed.length === 0
        ? answered
        : withMissing(
            answered.filter(({ failure }) => failure === undefined),
            known?.made,
          );
    this.#whole.set(kind, { answered, made });
    return made;
  }

  #get(typeUrl: string, name: string): ReturnType<Source['get']> {
    const kind = kindOf.get(typeUrl);
    if (kind && xdsProtocol.whole.has(typeUrl)) return byName(this.#all(typeUrl)).get(name);
    try {
      return kind && this.#context.engine.read(oneOf, resourceKey({ kind, name }), this.subject);
    } catch (error) {
      this.#tellFailure(`${kind} ${name}`, messageOf(error));
      return 'unavailable';
    }
  }

  /** A bug: one resource can't be made of what the World holds, and the others go on without it. */
  #tellFailure(resource: string, error: string): void {
    const { metrics } = this.#context;
    metrics.internalErrors.add(1);
    this.#log.error('resource could not be generated; what the proxy has of it stays in force', { resource, error });
  }
}

const indexes = new WeakMap<readonly Resource[], ReadonlyMap<string, Resource>>();
/** A list's resources by name: made once for all proxies that have the list. */
function byName(resources: readonly Resource[]): ReadonlyMap<string, Resource> {
  const known = indexes.get(resources) ?? new Map(resources.map((resource) => [resource.name, resource]));
  indexes.set(resources, known);
  return known;
}

/** `made`, and of `before` what has no successor in it. */
function withMissing(made: readonly Resource[], before: readonly Resource[] = []): readonly Resource[] {
  const names = new Set(made.map(({ name }) => name));
  return [...made, ...before.filter(({ name }) => !names.has(name))];
}
