import { defaultInstallation, type Installation } from '@flotilla/model';
import { setting } from '@flotilla/std';

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A text that must match a pattern. */
const checked = (base: ReturnType<typeof setting.text>, isRight: (text: string) => boolean, expected: string) => ({
  ...base,
  parse: (text: string): string => {
    if (isRight(text)) return text;
    throw new Error(`${JSON.stringify(text.slice(0, 100))} is not ${expected}`);
  },
});

/** The namespace of the control plane. All services of one must agree on it. */
export const systemNamespaceSettings = () => ({
  systemNamespace: checked(
    setting.text(
      'namespace that the control plane runs in, part of the identities of its services; the root namespace of a mesh whose configuration names none',
      defaultInstallation.systemNamespace,
      { env: 'POD_NAMESPACE' },
    ),
    (text) => dnsLabel.test(text),
    'the name of a namespace',
  ),
});

/** The DNS suffix of the cluster, as the kubelet's `clusterDomain` has it. */
export const domainSettings = () => ({
  domain: checked(
    setting.text('DNS suffix of the cluster: Services are NAME.NAMESPACE.svc.DOMAIN', defaultInstallation.domain),
    (text) => text.length <= 253 && text.split('.').every((label) => dnsLabel.test(label)),
    'a DNS name such as cluster.local',
  ),
});

/** Where the control plane is installed (Istio's names): the same for pilot and galley, which must agree on it. */
export const installationSettings = () => ({
  clusterId: setting.text(
    'id of the cluster that configuration is read from; proxies that name no cluster are in it (pilot and galley: the same)',
    defaultInstallation.clusterId,
    { env: 'CLUSTER_ID' },
  ),
  ...domainSettings(),
  ...systemNamespaceSettings(),
});

/** The installation that the options of an app describe. */
export const installationIn = ({ clusterId, domain, systemNamespace }: Installation): Installation => ({
  clusterId,
  domain,
  systemNamespace,
});
