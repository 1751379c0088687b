import type { Resource } from '@flotilla/ads';
import { idOf, reportCredentials, reportTexts, type ObjectRef, type ObjectReport } from '@flotilla/bus-port';
import type { UnservedCredential } from '@flotilla/model';
import { typeUrls, type XdsKind } from '@flotilla/pilot-xds';
import type { Cell, Engine, Result, Subject, Watch } from '@flotilla/query';
import { compareText } from '@flotilla/std';
import type { ProxyReport, Scope } from './proxy-report.ts';

/** A proxy: whom queries answer, and what it answered. */
export interface ReportedProxy {
  readonly subject: Subject;
  readonly report?: ProxyReport;
  /** Which of these credentials, as objects name them, it requests and does not get. */
  unserved?(names: Iterable<string>): readonly UnservedCredential[];
}
/** Proxies that have a result. */
export interface Holders {
  readonly kind: XdsKind;
  readonly holders: Iterable<ReportedProxy>;
}
export interface ObjectReportsOptions {
  readonly engine: Engine;
  /** Who has what a watch is on: the same object for all watches of the same proxies. Undefined: it is not sent. */
  holdersOf(watch: Watch): Holders | undefined;
  /** All that are connected. */
  connected(): Iterable<ReportedProxy>;
}

/** An object of the World. */
export interface ReportedObject extends ObjectRef {
  readonly version: string;
  /** Cells of the store that hold it; a query that read one of them read the object. */
  readonly cells: readonly Cell[];
  /** The World's revision that brought this version. */
  readonly revision: number;
  /** The credentials that it names. */
  readonly credentials: ReadonlySet<string>;
}

/** Which proxies have something that read an object, and what. */
interface Reach {
  readonly concerned: number;
  /** Lists them, some more than once. */
  proxies(): Iterable<ReportedProxy>;
  /** Of those, the ones that have not acknowledged all; by proxy, the types of which it has that. */
  readonly unsettled: ReadonlyMap<ProxyReport, ReadonlySet<string>>;
  /** Resources that read it; undefined: any, of any type. */
  readonly made: ReadonlySet<Resource> | undefined;
}

/**
 * A result that so many others depend on decides for many: which services there are, what the mesh configuration is.
 * Whoever depends on it has not read all objects that it has read.
 */
const limits = { dependents: 100, results: 2000 };

/**
 * Works out what proxies have of an object: which results read it (the engine knows), which proxies have those, and
 * what these proxies answered. An object that is read only by what decides for many concerns all for whom that decides.
 * The cost has a bound and does not depend on what else the proxies have.
 */
export class ObjectReports {
  readonly #options: ObjectReportsOptions;
  /** Numbers the objects that were looked at. */
  #count = 0;

  constructor(options: ObjectReportsOptions) {
    this.#options = options;
  }

  of({ collection, key, version, cells, revision, credentials }: ReportedObject): ObjectReport {
    const { concerned, proxies, unsettled, made } = this.#reach(cells);
    const id = idOf({ collection, key });
    const errors = new Set<string>();
    let [pending, rejected] = [0, 0];
    for (const [proxy, types] of unsettled) {
      const concerns = ({ type, resources }: Scope): boolean =>
        !made || (types.has(type) && (!resources || haveCommon(resources, made)));
      let isRejected = false;
      for (const rejection of proxy.rejections()) {
        if (rejection.objects?.has(id) === false || !concerns(rejection)) continue;
        isRejected = true;
        if (errors.size < reportTexts.perObject) errors.add(rejection.error);
      }
      if (isRejected) rejected += 1;
      else if (proxy.isPending(revision, concerns)) pending += 1;
    }
    const acknowledged = concerned - pending - rejected;
    const unserved = credentials.size > 0 ? unservedOf(credentials, proxies()) : [];
    return { collection, key, version, concerned, acknowledged, rejected, errors: [...errors], unserved };
  }

  #reach(cells: readonly Cell[]): Reach {
    const { engine, holdersOf } = this.#options;
    const { results, hubs } = engine.readersOf(cells, limits);
    const made = new Set<Resource>();
    const found = new Set<Holders>();
    for (const { outcome, watches } of results) {
      if ('value' in outcome && isResource(outcome.value)) made.add(outcome.value);
      for (const watch of watches) {
        const holders = holdersOf(watch);
        if (holders) found.add(holders);
      }
    }
    this.#count += 1;
    let concerned = 0;
    const unsettled = new Map<ProxyReport, Set<string>>();
    for (const { kind, holders } of found)
      for (const { report } of holders) {
        if (!report) continue;
        if (report.isFirstIn(this.#count)) concerned += 1;
        if (report.isSettled) continue;
        const types = unsettled.get(report);
        if (types) types.add(typeUrls[kind]);
        else unsettled.set(report, new Set([typeUrls[kind]]));
      }
    const proxies = (): Iterable<ReportedProxy> => [...found].flatMap(({ holders }) => [...holders]);
    return concerned > 0 || hubs.length === 0 ? { concerned, proxies, unsettled, made } : this.#reachOf(hubs);
  }

  /** Proxies for which one of these results is valid. */
  #reachOf(hubs: readonly Pick<Result, 'signature' | 'values'>[]): Reach {
    const proxies: ReportedProxy[] = [];
    const unsettled = new Map<ProxyReport, ReadonlySet<string>>();
    for (const proxy of this.#options.connected()) {
      const { subject, report } = proxy;
      if (!report || !hubs.some(({ signature, values }) => subject.valuesOf(signature) === values)) continue;
      proxies.push(proxy);
      if (!report.isSettled) unsettled.set(report, noTypes);
    }
    return { concerned: proxies.length, proxies: () => proxies, unsettled, made: undefined };
  }
}

/** Of more proxies than this that do not get a credential, the others are not asked: what they lack is the same. */
const maxAsked = 100;

/** What proxies do not get of the credentials that an object names, each once. */
function unservedOf(names: ReadonlySet<string>, proxies: Iterable<ReportedProxy>): readonly UnservedCredential[] {
  const found = new Map<string, UnservedCredential>();
  let asked = 0;
  for (const proxy of new Set(proxies)) {
    const unserved = proxy.unserved?.(names) ?? [];
    for (const one of unserved) if (found.size < reportCredentials.perObject) found.set(one.name, one);
    if (unserved.length > 0 && (asked += 1) === maxAsked) break;
  }
  return [...found.values()].sort((a, b) => compareText(a.name, b.name));
}

const noTypes: ReadonlySet<string> = new Set();

/** Whether two sets have an item in common, at the cost of the smaller one. */
function haveCommon<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  for (const item of few) if (many.has(item)) return true;
  return false;
}

const isResource = (value: unknown): value is Resource =>
  typeof value === 'object' && value !== null && 'bytes' in value && 'version' in value;
