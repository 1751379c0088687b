import { hostMatches, isWildcard, mostSpecificMatch } from '@flotilla/rules';
import { domainOf, mesh } from './mesh-settings.ts';
import { worldQuery, type View } from './view.ts';

interface Hosts {
  readonly exact: ReadonlySet<string>;
  readonly wildcards: readonly string[];
}

/**
 * Hosts whose endpoints only proxies of their own cluster get: what the mesh's serviceSettings say, and by default
 * Kubernetes' own services and the control plane. A setting of `false` takes back the defaults that it names any host
 * of.
 */
const hosts = worldQuery('cluster-local-hosts', (view): Hosts => {
  const { serviceSettings = [], defaultConfig } = view.query(mesh, '');
  const domain = domainOf(view);
  const discovery = (defaultConfig?.discoveryAddress ?? '').replace(/:\d+$/, '');
  const defaults = [
    `*.kube-system.svc.${domain}`,
    `kubernetes.default.svc.${domain}`,
    ...(discovery === '' ? [] : [discovery.endsWith(domain) ? discovery : `${discovery}.${domain}`]),
  ];
  const named = (local: boolean): string[] =>
    serviceSettings
      .filter(({ settings }) => (settings?.clusterLocal ?? false) === local)
      .flatMap((setting) => setting.hosts ?? []);
  const all = [...named(true), ...defaults.filter((host) => !named(false).some((taken) => hostMatches(taken, host)))];
  return { exact: new Set(all.filter((host) => !isWildcard(host))), wildcards: all.filter(isWildcard) };
});

export function isClusterLocal(view: View, hostname: string): boolean {
  const { exact, wildcards } = view.query(hosts, '');
  return mostSpecificMatch(hostname, exact, wildcards) !== undefined;
}
