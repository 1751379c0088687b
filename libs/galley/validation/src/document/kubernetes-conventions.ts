import { classifyProtocol } from '../protocols.ts';
import type { Report } from '../report.ts';
import { isRecord } from '@flotilla/std';

type Plain = Readonly<Record<string, unknown>>;
const docs = 'https://istio.io/v1.19/docs/ops';
const requirements = `${docs}/deployment/requirements/`;

function metaOf(object: Plain): { readonly name: string; readonly namespace: string } {
  const { name = '', namespace = '' } = isRecord(object['metadata']) ? object['metadata'] : {};
  return { name: String(name), namespace: String(namespace) };
}
const isSystem = (object: Plain): boolean => metaOf(object).namespace === 'istio-system';

/**
 * A Service's ports say which protocol they speak, by appProtocol or by the beginning of their name; UDP needs none
 * (istioctl/pkg/validate, validateServicePortPrefix).
 */
export function checkService(service: Plain, report: Report): void {
  const spec = isRecord(service['spec']) ? service['spec'] : {};
  const { name, namespace } = metaOf(service);
  const subject = `service "${name}/${namespace}/:"`;
  if (isSystem(service) || !Array.isArray(spec['ports'])) return;
  for (const [i, port] of spec['ports'].entries()) {
    const { protocol, appProtocol, name: portName } = isRecord(port) ? port : {};
    const path = `spec.ports[${i}]`;
    if (typeof protocol === 'string' && protocol.toUpperCase() === 'UDP') continue;
    if (appProtocol !== undefined && appProtocol !== null) {
      if (!classifyProtocol(String(appProtocol)).known)
        report.error(
          path,
          `${subject} doesn't follow Istio protocol selection. This is not recommended, See ${docs}/configuration/traffic-management/protocol-selection/`,
        );
    } else if (portName === undefined || portName === null)
      report.error(path, `${subject} has an unnamed port. This is not recommended, See ${requirements}`);
    else if (!hasProtocol(String(portName)))
      report.error(
        path,
        `${subject} port "${String(portName)}" does not follow the Istio naming convention. See ${requirements}`,
      );
  }
}

/** A name is a protocol, or begins with one and a dash. */
const hasProtocol = (name: string): boolean => classifyProtocol(name.split('-', 1).join('')).known;

/** A Deployment's pods have the labels that telemetry shows as the workload's name and revision. */
export function checkDeployment(deployment: Plain, report: Report): void {
  if (isSystem(deployment)) return;
  const labels = templateLabels(deployment);
  const has = (names: readonly string[]): boolean => names.some((name) => labels[name]);
  if (
    has(['service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app']) &&
    has(['service.istio.io/canonical-revision', 'app.kubernetes.io/version', 'version'])
  )
    return;
  const { name, namespace } = metaOf(deployment);
  const shown = Object.keys(labels)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${JSON.stringify(labels[key])}`);
  report.warn(
    'spec.template.metadata.labels',
    `deployment "${name}/${namespace}:" may not provide Istio metrics and telemetry labels: map[${shown.join(' ')}]. See ${requirements}\n`,
  );
}

function templateLabels(deployment: Plain): Readonly<Record<string, unknown>> {
  let value: unknown = deployment;
  for (const name of ['spec', 'template', 'metadata', 'labels']) value = isRecord(value) ? value[name] : undefined;
  return isRecord(value) ? value : {};
}
