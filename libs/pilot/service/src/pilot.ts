import type { Batch, ReportSender, Subscriber } from '@flotilla/bus-port';
import {
  collections,
  defaultInstallation,
  keyOf,
  type Collection,
  type CredentialSource,
  type CredentialUpdate,
  type IdentifyToken,
  type Installation,
  type JwksFetchMode,
  type KeySetSource,
} from '@flotilla/model';
import type { Observability, Span } from '@flotilla/observability-port';
import { createAdsServer, type AdsLimits, type AdsServerOptions } from '@flotilla/pilot-server';
import { createWorldStore, credentialChanges, worldChanges } from '@flotilla/pilot-world';
import { preparedLists, typeUrls } from '@flotilla/pilot-xds';
import { Engine, type Change, type Watch } from '@flotilla/query';
import { messageOf, systemClock } from '@flotilla/std';
import { followDemand } from './credential-demand.ts';
import { Affected } from './affected.ts';
import type { Cause } from './deliveries.ts';
import { followKeySets } from './key-sets.ts';
import { debugPages } from './debug-pages.ts';
import { createPilotMetrics } from './metrics.ts';
import { GenerationProblems, type PilotProblem } from './problems.ts';
import { nameOfType, xdsProtocol } from './protocol.ts';
import { Proxy } from './proxy.ts';
import { createCollector, inTurns, nextTurn, piece } from './pieces.ts';
import { defaultAdsLimits } from './pilot-settings.ts';
import { createReports, noReports } from './report/reports.ts';
import { SharedLists } from './shared-lists.ts';

/** Of a burst of changes so many are followed. */
const maxTraces = 20;

export interface PilotOptions {
  /** Where the control plane is installed, as far as that differs from Istio's defaults. */
  readonly installation?: Partial<Installation>;
  readonly subscriber: Subscriber;
  /** Gateways' certificates; without it none are served. */
  readonly credentials?: CredentialSource;
  /** So many credentials are held at a time; more wait until others are let go. */
  readonly maxCredentials?: number;
  /** Who fetches the keys at `jwksUri`s; pilot by default. */
  readonly jwksFetchMode?: JwksFetchMode;
  /** Keys that verify tokens, at `jwksUri`s and of issuers; without it such tokens are refused. */
  readonly keySets?: KeySetSource;
  /** Where what proxies have of galley's objects is reported to, and as which pilot. */
  readonly reports?: { readonly sender: ReportSender; readonly instance: string };
  /** Whom bearer tokens belong to; without it none are accepted. */
  readonly identify?: IdentifyToken;
  /** What clients may take. */
  readonly limits?: AdsLimits;
  readonly observability: Observability;
  readonly signal: AbortSignal;
}

/**
 * Pilot: takes configuration from the bus, keeps the World, serves every proxy what differs for it. Nothing is served
 * before every collection is complete; while galley is away, what is known stays in force.
 */
export function createPilot(options: PilotOptions) {
  const {
    subscriber,
    credentials,
    maxCredentials = 10_000,
    limits = defaultAdsLimits,
    observability,
    signal,
  } = options;
  const { jwksFetchMode = 'istiod' } = options;
  const engine = new Engine(createWorldStore({ ...defaultInstallation, ...options.installation }, { jwksFetchMode }));
  observability.activity.within(() => engine.running);
  const demand = followDemand({
    store: engine.store,
    source: credentials,
    observability,
    maxNames: maxCredentials,
    signal,
  });
  const proxies = new Set<Proxy>();
  /** Whose labels a watch is on. */
  const labelled = new Map<Watch, Proxy>();
  const incomplete = new Set<Collection>(collections);
  let isServing = false;
  const ready = Promise.withResolvers<null>();

  const metrics = createPilotMetrics(observability.metrics);
  const log = observability.log.scope('ads');
  const problems = new GenerationProblems({ log, metrics });
  const lists = new SharedLists({
    engine,
    onFailures: (list, isOver) => problems.update(list, isOver ? [] : list.failures),
  });
  const reports = options.reports
    ? createReports({
        ...options.reports,
        engine,
        holdersOf: (watch) => lists.listOf(watch),
        connected: () => proxies,
        clock: systemClock,
        signal,
        onProblem: (message) => log.info(message),
      })
    : noReports;
  /**
   * What proxies let go of goes too when configuration doesn't change: names that they made up, and credentials, would
   * stay for good.
   */
  const collectSoon = createCollector(engine);
  engine.store.onIndexFailure = ({ collection, key, index, error }) => {
    metrics.internalErrors.add(1);
    log.error('an object can not be found by one of its indexes; everything else goes on', {
      object: `${collection} ${key}`,
      index,
      error: messageOf(error),
    });
  };

  /** A bug that concerns one proxy costs that proxy one push, and nobody else anything. */
  function isolated(proxy: Proxy, work: () => void): void {
    try {
      work();
    } catch (error) {
      metrics.internalErrors.add(1);
      log.error('a proxy keeps what it has: its changes could not be computed', {
        proxy: proxy.attributes.id,
        error: messageOf(error),
      });
    }
  }

  async function apply(batch: Batch): Promise<void> {
    const cause = startCause(batch);
    const changes: Change[] = [
      ...batch.put.flatMap(({ resource }) => {
        const { collection, meta } = resource;
        return observability.activity.during({ name: `${collection} ${keyOf(meta)}` }, () =>
          worldChanges(collection, keyOf(meta), resource),
        );
      }),
      ...batch.delete.flatMap(({ collection, key }) => worldChanges(collection, key)),
    ];
    cause.taken();
    const begun = (): void => {
      settling.revision = reports.begin(batch);
      for (const collection of batch.complete) incomplete.delete(collection);
    };
    const settling = { ...cause, revision: 0, begun };
    try {
      await settle(changes, settling);
    } finally {
      reports.settled();
    }
    // The first key sets count as input, as far as they come soon: else proxies that already have keys would lose them.
    if (incomplete.size === 0 && !isServing)
      void keySets.settled().then(() => {
        isServing = true;
        ready.resolve(null);
      });
  }

  /** `begun` is called when results are those after the changes, `computed` when all that is watched is. */
  type SettledCause = Cause & { begun?(): void; computed?(proxies: number): void };
  let settled: Promise<unknown> = Promise.resolve();
  /**
   * Runs what changes touch, and sends each proxy what differs for it. Changes are settled one after the other, each in
   * pieces: large ones leave everything else in the process its turn.
   */
  function settle(changes: readonly Change[], cause: SettledCause): Promise<void> {
    const settling = settled.then(async () => {
      engine.begin(changes);
      cause.begun?.();
      let changed = engine.settle(piece());
      for (; !changed; changed = engine.settle(piece())) await nextTurn();
      for (const { key, subject } of lists.renamed(changed))
        while (!engine.prepare(preparedLists, key, { subject, ...piece() })) await nextTurn();
      keySets.follow(changed);
      await send(changed, cause);
    });
    settled = settling.catch(() => {});
    return settling;
  }

  /** Sends each proxy what differs for it. Until the end, what some proxies have is as it was before the change. */
  async function send(changed: Iterable<Watch>, cause: SettledCause): Promise<void> {
    const affected = new Affected();
    await relabel(changed, affected);
    await inTurns(lists.settle(changed, affected));
    cause.computed?.(affected.size);
    await inTurns(pushes(affected, cause));
    collectSoon();
  }

  /** Moves proxies to the lists of their workloads' new labels. */
  async function relabel(changed: Iterable<Watch>, affected: Affected): Promise<void> {
    for (const watch of changed) {
      const proxy = labelled.get(watch);
      if (!proxy) continue;
      while (labelled.has(watch) && !proxy.prepareLabels()) await nextTurn();
      if (labelled.has(watch))
        isolated(proxy, () => proxy.relabel().forEach((kind) => affected.note(proxy, kind, 'all')));
    }
  }

  function* pushes(affected: Affected, cause: Cause): Iterable<void> {
    for (const [holder, kinds] of affected) {
      const proxy = holder as Proxy;
      if (!proxies.has(proxy)) continue;
      for (const kind of kinds.keys()) metrics.pushes.add(1, { type: nameOfType(typeUrls[kind]) });
      isolated(proxy, () => proxy.push(new Map([...kinds].map(([kind, names]) => [typeUrls[kind], names])), cause));
      yield;
    }
  }

  /**
   * For each change in the batch one span from its receipt until it is in the World, below it one until all queries
   * have run, below that what is sent.
   */
  function startCause(batch: Batch): Omit<Cause, 'revision'> & { taken(): void; computed(proxies: number): void } {
    const parents = new Set(
      [...batch.put, ...batch.delete].flatMap(({ trace }) => trace ?? []).concat(batch.coalesced ?? []),
    );
    const { tracer } = observability;
    const received = [...parents].slice(0, maxTraces).map((parent) => tracer.start('pilot.receive', { parent }));
    let queries: Span[] = [];
    return {
      receivedAt: Date.now(),
      get traces() {
        return queries.map(({ traceparent }) => traceparent);
      },
      taken: () => {
        for (const span of received) span.end();
        queries = received.map(({ traceparent }) => tracer.start('pilot.queries', { parent: traceparent }));
      },
      computed: (affected) => {
        for (const span of queries) {
          span.set('proxies', affected);
          span.end();
        }
      },
    };
  }

  const keySets = followKeySets({
    engine,
    source: options.keySets,
    settle: (changes) => settle(changes, { traces: [], receivedAt: Date.now(), revision: Infinity }),
    onError: (error) => {
      metrics.internalErrors.add(1);
      log.error('a key set could not be taken; the others go on', { error: messageOf(error) });
    },
    signal,
  });

  async function followConfiguration(): Promise<void> {
    for await (const batch of subscriber.subscribe(collections, signal)) await apply(batch);
  }
  async function followCredentials(): Promise<void> {
    for await (const update of demand.updates) {
      try {
        await takeCredentials(update);
      } catch (error) {
        metrics.internalErrors.add(1);
        log.error('credentials could not be taken; the others go on', { error: messageOf(error) });
      }
    }
  }
  async function takeCredentials(update: CredentialUpdate): Promise<void> {
    demand.note(update);
    await settle(credentialChanges(update), { traces: [], receivedAt: Date.now(), revision: Infinity });
    const absent = new Set(update.delete);
    const accounts = new Set([...(update.readers ?? [])].flatMap(([account, mayRead]) => (mayRead ? [] : account)));
    if (absent.size + accounts.size > 0) for (const proxy of proxies) proxy.onRefused({ absent, accounts });
  }
  let credentialsFollowed: Promise<void> | undefined;
  /**
   * Runs until the signal aborts; throws what ends it, and may be called again after that. Credentials are followed
   * once and for all, since each name is requested only once.
   */
  async function run(): Promise<void> {
    credentialsFollowed ??= followCredentials();
    await Promise.all([followConfiguration(), credentialsFollowed]);
  }

  const open: AdsServerOptions['open'] = (opening) => {
    if (!isServing) {
      const missing = incomplete.size > 0 ? [...incomplete].join(', ') : 'key sets';
      throw new Error(`configuration is not complete yet (${missing}); try again`);
    }
    const proxy = new Proxy(opening, {
      engine,
      lists,
      tracer: observability.tracer,
      metrics,
      report: reports.open(),
      maxUnknownNames: limits.xdsUnknownNames,
      isAbsent: demand.isAbsent,
      onDropped: collectSoon,
      onClose: (closed) => {
        labelled.delete(closed.labels);
        proxies.delete(closed);
        reports.close(closed.report);
        metrics.connected.set(proxies.size);
      },
    });
    proxies.add(proxy);
    labelled.set(proxy.labels, proxy);
    metrics.connected.set(proxies.size);
    return proxy;
  };
  const allProblems = (): readonly PilotProblem[] => [...problems.all, ...keySets.problems()];
  const ads = createAdsServer({ protocol: xdsProtocol, observability, open, limits, identify: options.identify });
  return {
    run,
    ready: ready.promise,
    /** For the clients that the port it is served on lets in. */
    discovery: ads.service,
    engine,
    /** What can't be made for proxies at the moment. */
    problems: allProblems,
    /** For the monitoring port. */
    pages: debugPages({ proxies: () => [...proxies].map((proxy) => proxy.shown), problems: allProblems }),
  };
}
