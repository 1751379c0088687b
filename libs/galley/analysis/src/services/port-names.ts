import { buildProblem, type ObjectKey, type Problem } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import { ignoredNamespaces, kubernetesPortProtocol, type Labels } from '@flotilla/rules';
import type { Check } from '../check.ts';
import type { View } from '../view.ts';

/** Whether a Service is part of an Istio installation, whose ports have fixed names (Istio's IsIstioControlPlane). */
const isOfIstio = (labels: Labels = {}): boolean => 'istio' in labels || labels['release'] === 'istio';

/**
 * Ports of Services with a protocol in neither their name nor their appProtocol: it is sniffed from the clients' bytes
 * (Istio's service.PortNameAnalyzer).
 */
export const servicePortNames: Check = {
  name: 'service-port-names',
  collection: 'services',
  query: defineQuery('service-port-names', (view: View, key: ObjectKey): readonly Problem[] => {
    const service = view.get('services', key);
    if (!service || ignoredNamespaces.includes(service.meta.namespace) || isOfIstio(service.meta.labels)) return [];
    return (service.spec.ports ?? []).flatMap((port, i): Problem[] =>
      kubernetesPortProtocol(port) === 'Unsupported'
        ? [
            buildProblem(
              'PortNameIsNotUnderNamingConvention',
              { portName: port.name ?? '', port: port.port, targetPort: String(port.targetPort ?? 0) },
              `spec.ports[${i}].name`,
            ),
          ]
        : [],
    );
  }),
};
