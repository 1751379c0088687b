import { gatewayName } from './gateway-pod.ts';
import { gatewayPodPorts } from './gateway.ts';
import type { ManifestOptions, Right, ServicePort } from './service-spec.ts';
import { servicesOf, shapes } from './shapes.ts';

type Row = readonly string[];

/** A table in Markdown. */
const table = (head: Row, rows: readonly Row[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** The ports of each service's pods, and who may connect to them according to the NetworkPolicies. */
export function portTable(options: ManifestOptions): string {
  const services: readonly { readonly name: string; readonly ports: readonly ServicePort[] }[] = [
    ...shapes.flatMap((shape) => servicesOf(shape, options)),
    { name: gatewayName, ports: gatewayPodPorts },
  ];
  const rows = services.flatMap(({ name, ports }) =>
    ports.map(({ port, containerPort = port, from, purpose }) => [
      name,
      String(containerPort),
      from?.join(', ') ?? 'anybody',
      purpose,
    ]),
  );
  return table(['pods', 'port', 'who connects', 'what for'], rows);
}

/** What the roles of each ServiceAccount allow at the API server. */
export function rightTable(options: ManifestOptions): string {
  const services = shapes.flatMap((shape) => servicesOf(shape, options)).filter(({ name }) => name !== 'istiod');
  const rows = services.flatMap(({ name, rights }): readonly Row[] => {
    const cluster = rights.cluster.map((right) => [name, 'all', ...describe(right)]);
    const local = rights.namespace.map((right) => [name, options.namespace, ...describe(right)]);
    return cluster.length + local.length > 0 ? [...cluster, ...local] : [[name, '', 'nothing', '']];
  });
  return table(['ServiceAccount', 'namespaces', 'resources', 'verbs'], rows);
}

function describe({ apiGroups, resources, verbs, resourceNames }: Right): Row {
  const names = resourceNames ? ` named ${resourceNames.map((name) => `\`${name}\``).join(', ')}` : '';
  const groups = apiGroups.filter((group) => group !== '');
  const group = groups.length > 0 ? ` (${groups.join(', ')})` : '';
  return [`${resources.join(', ')}${group}${names}`, verbs.join(', ')];
}
