import type { Resource } from '@flotilla/ads';
import { idOf, reportTexts, type ObjectRef, type ObjectReport } from '@flotilla/bus-port';
import { typeUrls, type XdsKind } from '@flotilla/pilot-xds';
import type { Cell, Engine, Watch } from '@flotilla/query';
import type { ProxyReport, Scope } from './proxy-report.ts';

/** Proxies that have a result. */
export interface Holders {
  readonly kind: XdsKind;
  readonly holders: Iterable<{ readonly report?: ProxyReport }>;
}
export interface ObjectReportsOptions {
  readonly engine: Engine;
  /** Who has what a watch is on: the same object for all watches of the same proxies. Undefined: it is not sent. */
  holdersOf(watch: Watch): Holders | undefined;
}

/** An object of the World. */
export interface ReportedObject extends ObjectRef {
  readonly version: string;
  /** Cells of the store that hold it; whoever read one of them read the object. */
  readonly cells: readonly Cell[];
  /** The World's revision that brought this version. */
  readonly revision: number;
}

/** By proxy, the types of which it has something that read an object. */
type TypesByProxy = ReadonlyMap<ProxyReport, ReadonlySet<string>>;

/**
 * Works out what proxies have of an object: which results read it (the engine knows), which proxies have those, and
 * what these proxies answered. The cost is that of the results that depend on the object, as with a change of it; it
 * does not depend on how much else the proxies have.
 */
export class ObjectReports {
  readonly #options: ObjectReportsOptions;

  constructor(options: ObjectReportsOptions) {
    this.#options = options;
  }

  of({ collection, key, version, cells, revision }: ReportedObject): ObjectReport {
    const { proxies, made } = this.#reach(cells);
    const id = idOf({ collection, key });
    const errors = new Set<string>();
    let [pending, rejected] = [0, 0];
    for (const [proxy, types] of proxies) {
      if (proxy.isSettled) continue;
      const concerns = ({ type, resources }: Scope): boolean =>
        types.has(type) && (resources === undefined || [...resources].some((resource) => made.has(resource)));
      let isRejected = false;
      for (const rejection of proxy.rejections()) {
        if (rejection.objects?.has(id) === false || !concerns(rejection)) continue;
        isRejected = true;
        if (errors.size < reportTexts.perObject) errors.add(rejection.error);
      }
      if (isRejected) rejected += 1;
      else if (proxy.unsentSince <= revision || proxy.open.some((each) => each.since <= revision && concerns(each)))
        pending += 1;
    }
    const concerned = proxies.size;
    const acknowledged = concerned - pending - rejected;
    return { collection, key, version, concerned, acknowledged, rejected, errors: [...errors] };
  }

  /** Proxies with a result that read the cells, and the resources among such results. */
  #reach(cells: readonly Cell[]): {
    readonly proxies: TypesByProxy;
    readonly made: ReadonlySet<unknown>;
  } {
    const { engine, holdersOf } = this.#options;
    const made = new Set<unknown>();
    const found = new Set<Holders>();
    for (const { outcome, watches } of engine.readersOf(cells)) {
      if ('value' in outcome && isResource(outcome.value)) made.add(outcome.value);
      for (const watch of watches) {
        const holders = holdersOf(watch);
        if (holders) found.add(holders);
      }
    }
    const proxies = new Map<ProxyReport, Set<string>>();
    for (const { kind, holders } of found)
      for (const { report } of holders) {
        if (!report) continue;
        const types = proxies.get(report);
        if (types) types.add(typeUrls[kind]);
        else proxies.set(report, new Set([typeUrls[kind]]));
      }
    return { proxies, made };
  }
}

const isResource = (value: unknown): value is Resource =>
  typeof value === 'object' && value !== null && 'bytes' in value && 'version' in value;
