import type { ContainerPort } from '@flotilla/pilot-registry';
import { isRecord, readJson } from '@flotilla/std';

/**
 * The container ports in a node's POD_PORTS, JSON in a text (Istio's PodPortList), with the protocol filled in; none
 * when it is absent or not valid.
 */
export function parsePodPorts(metadata: unknown): readonly ContainerPort[] {
  const read = typeof metadata === 'string' && metadata !== '' ? readJson(metadata) : undefined;
  const ports = read?.ok ? read.value : metadata;
  return (Array.isArray(ports) ? ports : []).flatMap((port: unknown) => {
    const containerPort = isRecord(port) ? Number(port['containerPort']) : NaN;
    if (!isRecord(port) || !Number.isInteger(containerPort)) return [];
    return [{ containerPort, name: String(port['name'] ?? ''), protocol: String(port['protocol'] ?? 'TCP') }];
  });
}
