import type { ReportSender, Subscriber } from '@flotilla/bus-port';
import {
  defaultInstallation,
  type CredentialSource,
  type IdentifyToken,
  type Installation,
  type JwksFetchMode,
  type KeySetSource,
} from '@flotilla/model';
import type { Logger, Observability } from '@flotilla/observability-port';
import { createAdsServer, type AdsLimits, type AdsServerOptions } from '@flotilla/pilot-server';
import { createWorldStore } from '@flotilla/pilot-world';
import { Engine } from '@flotilla/query';
import { messageOf, systemClock } from '@flotilla/std';
import { untracedCause } from './cause.ts';
import { ConnectedProxies } from './connected-proxies.ts';
import { followDemand, type CredentialDemand } from './credential-demand.ts';
import { debugPages } from './debug-pages.ts';
import { followConfiguration } from './follow-configuration.ts';
import { followCredentials } from './follow-credentials.ts';
import { followKeySets } from './key-sets.ts';
import { createPilotMetrics, type PilotMetrics } from './metrics.ts';
import { createCollector } from './pieces.ts';
import { defaultAdsLimits } from './pilot-settings.ts';
import { createPageGuard } from './page-guard.ts';
import { GenerationProblems, type PilotProblem } from './problems.ts';
import { xdsProtocol } from './protocol.ts';
import { Proxy, type ProxyContext } from './proxy.ts';
import { createReports, noReports, type Reports } from './report/reports.ts';
import { Settlement, type SettlementOptions } from './settlement.ts';
import { SharedLists } from './shared-lists.ts';
import { StartGate } from './start-gate.ts';

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

/** What every part of pilot works with. */
interface Parts {
  readonly options: PilotOptions;
  readonly limits: AdsLimits;
  readonly engine: Engine;
  readonly metrics: PilotMetrics;
  readonly log: Logger;
  readonly proxies: ConnectedProxies;
  /** Returns a handler that counts an error of one part, and logs it with this message. */
  onError(message: string): (error: unknown) => void;
}

/**
 * Pilot: takes configuration from the bus, keeps the World, serves every proxy what differs for it. Nothing is served
 * before every collection is complete; while galley is away, what is known stays in force.
 */
export function createPilot(options: PilotOptions) {
  const parts = createParts(options);
  const { limits, engine, metrics, log, proxies, onError } = parts;
  const { observability, signal } = options;
  const gate = new StartGate();
  const demand = followDemand({
    store: engine.store,
    source: options.credentials,
    observability,
    maxNames: options.maxCredentials ?? 10_000,
    signal,
  });
  const problems = new GenerationProblems({ log, metrics });
  const lists = new SharedLists({
    engine,
    onFailures: (list, isOver) => problems.update(list, isOver ? [] : list.failures),
  });
  const reports = reportsOf(parts, lists);
  /**
   * What proxies let go of goes too when configuration doesn't change: names that they made up, and credentials, would
   * stay for good.
   */
  const collectSoon = createCollector(engine);
  const onChanged: SettlementOptions['onChanged'] = (watches) => keySets.follow(watches);
  const settlement = new Settlement({ ...parts, lists, onChanged, onSent: collectSoon });
  const keySets = followKeySets({
    engine,
    source: options.keySets,
    settle: (changes) => settlement.settle(changes, untracedCause()),
    onError: onError('a key set could not be applied; the others go on'),
    signal,
  });
  const onFailure = onError('credentials could not be applied');
  const credentials = { demand, settlement, proxies, reports, onError: onFailure };
  let credentialsFollowed: Promise<void> | undefined;
  /**
   * Runs until the signal aborts; throws what ends it, and may be called again after that. Credentials are followed
   * once and for all, since each name is requested only once.
   */
  async function run(): Promise<void> {
    credentialsFollowed ??= followCredentials(credentials);
    const configurationFollowed = followConfiguration({ ...options, settlement, gate, keySets, reports });
    await Promise.all([configurationFollowed, credentialsFollowed]);
  }
  const open = openerOf(parts, { gate, lists, reports, demand, onDropped: collectSoon });
  const ads = createAdsServer({ protocol: xdsProtocol, observability, open, limits, identify: options.identify });
  const { systemNamespace } = { ...defaultInstallation, ...options.installation };
  const guard = createPageGuard({ identityOf: ads.identityOf, systemNamespace, log: observability.log.scope('debug') });
  const allProblems = (): readonly PilotProblem[] => [...problems.all, ...keySets.problems()];
  return {
    run,
    ready: gate.ready,
    /** For the clients that the port it is served on lets in. */
    discovery: ads.service,
    engine,
    /** What can't be made for proxies at the moment. */
    problems: allProblems,
    /** For the monitoring port. */
    pages: debugPages({ proxies: () => [...proxies].map((proxy) => proxy.shown), problems: allProblems, guard }),
  };
}

function createParts(options: PilotOptions): Parts {
  const { installation, jwksFetchMode = 'istiod', limits = defaultAdsLimits, observability } = options;
  const engine = new Engine(createWorldStore({ ...defaultInstallation, ...installation }, { jwksFetchMode }));
  observability.activity.within(() => engine.running);
  const metrics = createPilotMetrics(observability.metrics);
  const log = observability.log.scope('ads');
  engine.store.onIndexFailure = ({ collection, key, index, error }) => {
    metrics.internalErrors.add(1);
    log.error('an object cannot be found by one of its indexes; everything else works', {
      object: `${collection} ${key}`,
      index,
      error: messageOf(error),
    });
  };
  const onError = (message: string) => (error: unknown) => {
    metrics.internalErrors.add(1);
    log.error(message, { error: messageOf(error) });
  };
  return { options, limits, engine, metrics, log, proxies: new ConnectedProxies(metrics), onError };
}

function reportsOf({ options, engine, proxies, log }: Parts, lists: SharedLists): Reports {
  if (!options.reports) return noReports;
  return createReports({
    ...options.reports,
    engine,
    holdersOf: (watch) => lists.listOf(watch),
    connected: () => proxies,
    clock: systemClock,
    signal: options.signal,
    onProblem: (message) => log.info(message),
  });
}

interface OpenerOptions extends Pick<ProxyContext, 'lists' | 'onDropped'> {
  readonly demand: CredentialDemand;
  readonly gate: StartGate;
  readonly reports: Reports;
}
/** Opens the session of a proxy that connects. Throws while pilot may not serve. */
function openerOf(
  { options, limits, engine, metrics, proxies }: Parts,
  { gate, reports, demand, ...context }: OpenerOptions,
): AdsServerOptions['open'] {
  return (opening) => {
    gate.check();
    const proxy = new Proxy(opening, {
      ...context,
      engine,
      tracer: options.observability.tracer,
      metrics,
      report: reports.open(),
      isAbsent: demand.isAbsent,
      isMissing: demand.isMissing,
      onCredentials: reports.credentialsChanged,
      maxUnknownNames: limits.xdsUnknownNames,
      onClose: (closed) => {
        proxies.delete(closed);
        reports.close(closed.report);
      },
    });
    proxies.add(proxy);
    return proxy;
  };
}
