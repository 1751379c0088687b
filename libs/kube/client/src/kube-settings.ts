import { setting } from '@flotilla/std';

/** The cluster that a service works with. */
export const kubeSettings = () => ({
  kubeconfig: setting.optionalPath('kubeconfig of the cluster; without one, the ServiceAccount of the pod', {
    env: 'KUBECONFIG',
  }),
  kubeContext: setting.optionalText('context of the kubeconfig, instead of its current one'),
});
