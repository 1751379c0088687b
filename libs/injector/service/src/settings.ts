import { setting } from '@flotilla/std';

/** How pods are injected, and where the webhook answers. */
export const injectorSettings = () => ({
  injectionPort: setting.port('webhook over HTTPS, POST /inject (0: any)', 15_017),
  maxWebhookConnections: setting.count('connections at once of the webhook; one more ends the longest idle, those without a client certificate first', 1000),
  webhookClientCaFile: setting.optionalPath('PEM of roots beside the mesh\'s whose clients the webhook prefers when connections run out, as those of the API server'),
  values: setting.optionalPath('the installation\'s values (YAML or JSON) over Istio\'s defaults'),
  enableNativeSidecars: setting.toggle('the proxy is an init container that keeps running', { env: 'ENABLE_NATIVE_SIDECARS' }),
});
