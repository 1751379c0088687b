import { parseBool } from '@flotilla/rules';
import { err, ok, readJson, type Result } from '@flotilla/std';

/** What Istio 1.19 knows by name (pilot/pkg/model, BootstrapNodeMetadata), as ISTIO_META_ variables give it. */
const texts = [
  'ISTIO_VERSION',
  'ISTIO_REVISION',
  'NAMESPACE',
  'NODE_NAME',
  'WORKLOAD_NAME',
  'INTERCEPTION_MODE',
  'SERVICE_ACCOUNT',
  'HTTP_PROXY_PORT',
  'MESH_ID',
  'CLUSTER_ID',
  'NETWORK',
  'REQUESTED_NETWORK_VIEW',
  'TLS_SERVER_CERT_CHAIN',
  'TLS_SERVER_KEY',
  'TLS_SERVER_ROOT_CERT',
  'TLS_CLIENT_CERT_CHAIN',
  'TLS_CLIENT_KEY',
  'TLS_CLIENT_ROOT_CERT',
  'BASE',
  'IDLE_TIMEOUT',
  'HTTP10',
  'GENERATOR',
  'AUTO_REGISTER_GROUP',
  'WORKLOAD_ENTRY',
  'UNPRIVILEGED_POD',
  'STS_PORT',
  'CLOUDRUN_ADDR',
  'NAME',
  'OWNER',
  'OUTLIER_LOG_PATH',
  'APP_CONTAINERS',
  'ISTIO_PROXY_SHA',
];
/** Truth values, written as text; a false one is treated as missing. */
const truths = [
  'DNS_CAPTURE',
  'DNS_AUTO_ALLOCATE',
  'ENABLE_HBONE',
  'EXIT_ON_ZERO_ACTIVE_CONNECTIONS',
  'INBOUND_LISTENER_EXACT_BALANCE',
  'OUTBOUND_LISTENER_EXACT_BALANCE',
];

/**
 * The part of a node's metadata that Istio knows by name. Fails for a member of another type, as the agent does then.
 */
export function typedMetadata(raw: Readonly<Record<string, unknown>>): Result<Record<string, unknown>> {
  const typed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (texts.includes(name)) {
      if (typeof value !== 'string') return err(`${name}: expected text, found ${typeof value}`);
      if (value !== '') typed[name] = value;
    } else if (truths.includes(name)) {
      const truth = parseBool(String(value));
      if (!truth.ok) return err(`${name}: ${truth.error}`);
      if (truth.value) typed[name] = 'true';
    }
  }
  return ok({ ...typed, ...podPorts(raw['POD_PORTS']) });
}

/** Container ports as JSON without blanks; a text that lists none stays as it is. */
function podPorts(raw: unknown): Record<string, unknown> {
  if (typeof raw !== 'string') return {};
  const read = readJson(raw);
  if (!read.ok || !Array.isArray(read.value) || read.value.length === 0 || read.value.includes(null)) return {};
  const ports = read.value as { name?: unknown; containerPort?: unknown; protocol?: unknown }[];
  return {
    POD_PORTS: JSON.stringify(
      ports.map(({ name, containerPort, protocol }) => ({
        ...(name ? { name } : {}),
        ...(containerPort ? { containerPort } : {}),
        protocol: protocol ?? '',
      })),
    ),
  };
}
