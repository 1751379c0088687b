import { setting } from '@flotilla/std';

/** How pods are injected, and where the webhook answers. */
export const injectorSettings = () => ({
  injectionPort: setting.port('webhook over HTTPS, POST /inject (0: any)', 15_017),
  values: setting.optionalPath('the installation\'s values (YAML or JSON) over Istio\'s defaults'),
  enableNativeSidecars: setting.toggle('the proxy is an init container that keeps running', { env: 'ENABLE_NATIVE_SIDECARS' }),
});
