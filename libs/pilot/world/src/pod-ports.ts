import type { k8s } from '@flotilla/model';
import { isRecord, readJson } from '@flotilla/std';

/** A port of a pod's containers, as its proxy reports it. */
export interface PodPort {
  readonly name: string;
  readonly number: number;
  readonly protocol: string;
}

/** The ports in a node's POD_PORTS, JSON in a text (Istio's PodPortList); none when it is absent or not valid. */
export function parsePodPorts(metadata: unknown): readonly PodPort[] {
  const read = typeof metadata === 'string' && metadata !== '' ? readJson(metadata) : undefined;
  const ports = read?.ok ? read.value : metadata;
  return (Array.isArray(ports) ? ports : []).flatMap((port: unknown) => {
    const number = isRecord(port) ? Number(port['containerPort']) : NaN;
    if (!isRecord(port) || !Number.isInteger(number)) return [];
    return [{ number, name: String(port['name'] ?? ''), protocol: String(port['protocol'] ?? 'TCP') }];
  });
}

/**
 * Where a Service's port leads to in a pod that has reported these ports; undefined when it names one that the pod does
 * not have (Istio's findPortFromMetadata).
 */
export function targetAmong(
  ports: readonly PodPort[],
  { port, targetPort, protocol = 'TCP' }: k8s.ServicePort,
): number | undefined {
  if (targetPort === undefined || targetPort === 0 || targetPort === '') return port;
  if (typeof targetPort === 'number') return targetPort;
  return ports.find((one) => one.name === targetPort && one.protocol === protocol)?.number;
}
