import type { Effect, Source } from '@flotilla/ads';
import type { UnservedCredential } from '@flotilla/model';
import type { Logger, Tracer } from '@flotilla/observability-port';
import { LastDeliveries, type ConnectedProxy } from '@flotilla/pilot-debug';
import { proxySubject, workload, type ProxyAttributes } from '@flotilla/pilot-world';
import { typeUrls, type XdsKind } from '@flotilla/pilot-xds';
import type { Opening, Push, Session } from '@flotilla/pilot-server';
import { Subject, type Engine, type Watch } from '@flotilla/query';
import { lengthOf, messageOf } from '@flotilla/std';
import { attributesOf } from './attributes.ts';
import { createDeliveries, type Cause } from './deliveries.ts';
import { Interests } from './interests.ts';
import type { PilotMetrics } from './metrics.ts';
import { nameOfType } from './protocol.ts';
import type { ProxyReport } from './report/proxy-report.ts';
import { createSecretReports, type CredentialRefusals } from './secret-reports.ts';
import type { Holder, SharedList } from './shared-list.ts';
import type { SharedLists } from './shared-lists.ts';
import { weightOf } from './struct.ts';

export interface ProxyContext {
  readonly engine: Engine;
  readonly lists: SharedLists;
  readonly tracer: Tracer;
  readonly metrics: PilotMetrics;
  /** What it answers. */
  readonly report: ProxyReport;
  /** How many names that there is nothing by are watched for one proxy. */
  readonly maxUnknownNames: number;
  /** Whether it is known that there is no credential of this name. */
  isAbsent(name: string): boolean;
  isMissing(name: string): boolean;
  /** The proxy has requested resources of these names, which are credentials. */
  onCredentials(names: readonly string[]): void;
  /** The proxy has let go of a result, which may be held by nobody now. */
  onDropped(): void;
  onClose(proxy: Proxy): void;
}

/** One connected proxy: its attributes, what it has requested, and what becomes of what it is sent. */
export class Proxy implements Session, Holder {
  readonly attributes: ProxyAttributes;
  readonly source: Source;
  readonly nodeBytes: number;
  /** Its workload's labels, asked for with what it sent. */
  readonly labels: Watch;
  readonly #context: ProxyContext;
  readonly #push: Push;
  readonly #log: Logger;
  readonly #interests: Interests;
  readonly #deliveries: ReturnType<typeof createDeliveries>;
  readonly #secrets: ReturnType<typeof createSecretReports>;
  readonly #last = new LastDeliveries();
  #subject: Subject;
  #cause: Cause | undefined;

  /** Throws as attributesOf does. */
  constructor(opening: Opening, context: ProxyContext) {
    this.attributes = attributesOf(opening);
    this.nodeBytes = weightOf(this.attributes);
    this.#context = context;
    this.#push = opening.push;
    this.#log = opening.log.with({ proxy: this.attributes.id });
    this.labels = context.engine.watch(workload, '', new Subject({ ...this.attributes }));
    this.#subject = this.#subjectNow();
    this.#interests = new Interests(
      {
        ...context,
        mayWatchUnknown: opening.mayWatchUnknown,
        onUnwatched: () => opening.hit('xds_unknown_names'),
      },
      this,
      this.attributes.type === 'sidecar',
    );
    this.source = this.#interests;
    this.#secrets = createSecretReports({ ...context, log: this.#log }, this.attributes);
    this.#deliveries = createDeliveries(context, { proxy: this.attributes.id, nameOf: nameOfType });
    this.#log.info('proxy connected', { identity: this.attributes.identity });
  }

  /** Whom queries are asked for: another one when its workload's labels change. */
  get subject(): Subject {
    return this.#subject;
  }

  get unknownNames(): number {
    return this.#interests.unwatched;
  }

  get watchedUnknownNames(): number {
    return this.#interests.watchedUnknown;
  }

  countUnknown(typeUrl: string, names: Iterable<string>): number {
    return this.#interests.countUnknown(typeUrl, names);
  }

  /** What it has answered. */
  get report(): ProxyReport {
    return this.#context.report;
  }

  /** As the debug interface sees it. */
  get shown(): ConnectedProxy {
    const { id, clusterId, type, istioVersion } = this.attributes;
    const [, , name = ''] = id.split('~');
    return {
      id: name,
      clusterId,
      type,
      ...(istioVersion ? { istioVersion: istioVersion.join('.') } : {}),
      last: (kind) => this.#last.get(typeUrls[kind]),
      resources: (kind) => this.#interests.held(kind),
    };
  }

  /** Does a piece of what `relabel` takes. Returns whether it is complete. */
  prepareLabels(): boolean {
    return this.#interests.prepareFor(this.#subjectNow());
  }

  /** Its workload has other labels: everything that it has requested may be answered differently. Returns its types. */
  relabel(): readonly XdsKind[] {
    this.#subject = this.#subjectNow();
    this.#interests.move();
    return [...this.#interests.requested];
  }

  onMoved(from: SharedList, now: SharedList): void {
    this.#interests.onMoved(from, now);
  }

  prepare(typeUrl: string, names: readonly string[]): boolean {
    return this.#interests.prepare(typeUrl, names);
  }

  /** Sends what differs of these; a push that has to wait for a slow client keeps the first cause. */
  push(types: Parameters<Push>[0], cause: Cause): void {
    this.#cause ??= cause;
    this.report.due(cause.revision);
    this.#push(types);
  }

  onPushed(): void {
    this.#cause = undefined;
    this.report.pushed();
  }

  /** Which of these credentials, as objects name them, it requests and does not get. */
  unserved(names: Iterable<string>): readonly UnservedCredential[] {
    return this.#secrets.unserved(names, {
      isRequested: (name) => this.#interests.isRequested('sds', name),
      subject: this.subject,
    });
  }

  /** Called when citadel has reported which credentials do not exist, and which readers may have none. */
  onRefused(refusals: CredentialRefusals): void {
    if (this.attributes.identity === undefined) return;
    this.#secrets.refused(refusals, { requested: this.#interests.namesOf('sds'), subject: this.subject });
  }

  onEffect(effect: Effect): void {
    this.#deliveries.note(effect, this.#cause);
    this.#last.note(effect);
    if (effect.kind !== 'send') this.report.note(effect);
    switch (effect.kind) {
      case 'subscribed':
        this.#interests.follow(effect);
        if (effect.typeUrl !== typeUrls.sds) return;
        this.#secrets.requested(effect.added, this.subject);
        this.#context.onCredentials(effect.added);
        return;
      case 'send':
        this.#interests.becomeKnown(effect);
        this.report.note(this.#interests.watchedOf(effect));
        return this.#logPush(effect);
      case 'rejected':
        return this.#onRejected(effect);
      case 'acked':
      case 'unfinished':
      case 'refuse':
        return;
    }
  }

  close(): void {
    this.#interests.close();
    this.#context.engine.unwatch(this.labels);
    this.#deliveries.close();
    this.#log.info('proxy disconnected');
    this.#context.metrics.forget(this.attributes.id);
    this.#context.onClose(this);
  }

  /** A proxy whose labels can't be worked out is served by those that it sent. */
  #subjectNow(): Subject {
    try {
      return proxySubject(this.#context.engine, this.attributes);
    } catch (error) {
      this.#context.metrics.internalErrors.add(1);
      this.#log.error("a proxy's labels could not be computed; those that it sent are used", {
        error: messageOf(error),
      });
      return new Subject({ ...this.attributes });
    }
  }

  #onRejected({ typeUrl, error }: Extract<Effect, { kind: 'rejected' }>): void {
    const type = nameOfType(typeUrl);
    this.#log.warn('configuration refused by proxy', { type, error });
    this.#context.metrics.rejected(type, this.attributes.id);
  }

  #logPush({ typeUrl, resources, removed }: Extract<Effect, { kind: 'send' }>): void {
    this.#log.debug('push', () => ({
      type: nameOfType(typeUrl),
      resources: resources.length,
      removed: removed.length,
      bytes: resources.reduce((sum, { bytes }) => sum + lengthOf(bytes), 0),
      cause: this.#cause ? 'configuration' : 'request',
    }));
  }
}
