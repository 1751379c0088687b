import { request } from './http.ts';

/** What Envoy's statistics tell of its state; undefined members were not reported yet. */
export interface EnvoyState {
  readonly serverState?: number;
  readonly workersStarted?: number;
  readonly cdsUpdates: number;
  readonly cdsRejected: number;
  readonly ldsUpdates: number;
  readonly ldsRejected: number;
}

const filter =
  '^(server\\.state|listener_manager\\.workers_started|(cluster_manager\\.cds|listener_manager\\.lds)\\.(update_success|update_rejected))$';
const maxBytes = 64 * 1024;

/** Reads `name: value` lines of Envoy's /stats. */
export function parseEnvoyState(stats: string): EnvoyState {
  const values = new Map(
    stats
      .split('\n')
      .map((line) => line.split(': '))
      .filter((pair) => pair.length === 2)
      .map(([name, value]) => [name, Number(value)]),
  );
  const optional = (key: 'serverState' | 'workersStarted', name: string): Partial<EnvoyState> =>
    values.has(name) ? { [key]: values.get(name) ?? 0 } : {};
  return {
    ...optional('serverState', 'server.state'),
    ...optional('workersStarted', 'listener_manager.workers_started'),
    cdsUpdates: values.get('cluster_manager.cds.update_success') ?? 0,
    cdsRejected: values.get('cluster_manager.cds.update_rejected') ?? 0,
    ldsUpdates: values.get('listener_manager.lds.update_success') ?? 0,
    ldsRejected: values.get('listener_manager.lds.update_rejected') ?? 0,
  };
}

/**
 * Why a proxy is not ready yet, in Istio's words; undefined when it is: configured by pilot, live, its workers started.
 */
export function unreadiness(state: EnvoyState): string | undefined {
  if (state.cdsUpdates === 0 || state.ldsUpdates === 0) {
    const side = (name: string, updates: number, rejected: number): string =>
      `${name} updates: ${updates} successful, ${rejected} rejected`;
    return `config not received from XDS server (is Istiod running?): ${side('cds', state.cdsUpdates, state.cdsRejected)}; ${side('lds', state.ldsUpdates, state.ldsRejected)}`;
  }
  if (state.serverState !== 0)
    return `server is not live, current state is: ${['LIVE', 'DRAINING', 'PRE_INITIALIZING', 'INITIALIZING'][state.serverState ?? 2] ?? state.serverState}`;
  return state.workersStarted === 1 ? undefined : 'workers have not yet started';
}

/**
 * Reads Envoy's admin interface. Once it has been ready, configuration is taken as received, since counters restart
 * with hot updates only.
 */
export async function probeEnvoy(admin: { readonly host: string; readonly port: number }): Promise<string | undefined> {
  const { status, body } = await request({
    ...admin,
    path: `/stats?usedonly&filter=${encodeURIComponent(filter)}`,
    timeoutMs: 1000,
    maxBytes,
  });
  return status === 200
    ? unreadiness(parseEnvoyState(body.toString('utf8')))
    : `Envoy's admin interface answers ${status}`;
}
