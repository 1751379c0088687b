/**
 * A gateway as a VirtualService of a namespace names it, as `namespace/name`: one of its own by name alone or `./name`,
 * one elsewhere by `namespace/name` or, as in former times, by a domain name that begins with `name.namespace` (Istio's
 * resolveGatewayName).
 */
export function resolveGateway(gateway: string, namespace: string): string {
  if (gateway === 'mesh') return gateway;
  if (gateway.includes('/')) return gateway.startsWith('./') ? `${namespace}/${gateway.slice(2)}` : gateway;
  const [name = '', owner = namespace] = gateway.split('.');
  return `${owner}/${name}`;
}
