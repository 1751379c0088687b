import type { Gateway, Resource } from '@flotilla/model';
import { isSelected, serviceTargets, worldQuery, type View } from '@flotilla/pilot-world';
import { compareAge, isHttp, parseProtocol } from '@flotilla/rules';
import { mergeServers, passesTls, plainHosts, type GatewayServer, type MergedGateway } from './merge-servers.ts';

type Selected = Resource<'gateways'> & { readonly spec: Gateway };

/** Gateways whose selector selects the proxy, the oldest first. */
function selected(view: View): Selected[] {
  return view
    .list('gateways')
    .flatMap((key) => view.get('gateways', key) ?? [])
    .filter(({ spec }) => isSelected(view, spec.selector))
    .sort((a, b) => compareAge(a.meta, b.meta));
}

/** A Service with this label leads to the Gateways of its target ports instead of its own (made for Knative). */
const untranslated = 'experimental.istio.io/disable-gateway-port-translation';

/** The port of the pod behind a Service's port; the port itself when no Service has it (Istio's resolvePorts). */
function resolvePort(view: View, number: number): number {
  const targets = view.query(serviceTargets, '');
  return (
    targets.find(({ service, port }) => port.port === number && service.labels[untranslated] === undefined)
      ?.targetPort ?? number
  );
}

/**
 * The route configuration of a server: plain HTTP is shared by all servers of a port, HTTPS belongs to one server
 * (Istio's gatewayRDSRouteName).
 */
function routeNameOf(
  { server, protocol, port }: Omit<GatewayServer, 'routeName' | 'gateway'>,
  { meta }: Selected,
): string {
  const suffix = server.bind ? `.${server.bind}` : '';
  if (isHttp(protocol)) return `http.${port}${suffix}`;
  return protocol === 'HTTPS' && !passesTls(server)
    ? `https.${server.port?.number ?? 0}.${server.port?.name ?? ''}.${meta.name}.${meta.namespace}${suffix}`
    : '';
}

/** The servers of all Gateways that hold for the proxy, by the ports it listens on. */
export const mergedGateway = worldQuery('merged-gateway', (view): MergedGateway =>
  mergeServers(
    selected(view).flatMap((gateway) =>
      (gateway.spec.servers ?? []).map((given): GatewayServer => {
        const server = { ...given, hosts: plainHosts(given.hosts ?? [], gateway.meta.namespace) };
        const at = {
          server,
          protocol: parseProtocol(server.port?.protocol ?? ''),
          port: resolvePort(view, server.port?.number ?? 0),
        };
        return {
          ...at,
          gateway: `${gateway.meta.namespace}/${gateway.meta.name}`,
          routeName: routeNameOf(at, gateway),
        };
      }),
    ),
  ),
);

/** Whether some server of the proxy passes other networks' TLS on by its SNI. */
export const passesTlsOn = worldQuery(
  'passes-tls-on',
  (view): boolean => view.attr('type') === 'router' && view.query(mergedGateway, '').passesTlsOn,
);
