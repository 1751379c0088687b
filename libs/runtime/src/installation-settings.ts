import { defaultInstallation } from '@flotilla/model';
import { setting } from '@flotilla/std';

/** Where the control plane is installed (Istio's names): the same for pilot and galley, which must agree on it. */
export const installationSettings = () => ({
  clusterId: setting.text(
    'id of the cluster that configuration is read from; proxies that name no cluster are in it (pilot and galley: the same)',
    defaultInstallation.clusterId,
    { env: 'CLUSTER_ID' },
  ),
});
