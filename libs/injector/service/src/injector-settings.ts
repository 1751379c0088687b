import { setting } from '@flotilla/std';

/** How pods are injected, and where the webhook answers. */
export const injectorSettings = () => ({
  injectionPort: setting.port('webhook over HTTPS, POST /inject (0: any)', 15_017),
  maxWebhookConnections: setting.count(
    'connections at once of the webhook; one more closes the longest idle, those without a client certificate first',
    1000,
  ),
  webhookClientCaFile: setting.optionalPath(
    "PEM file of further roots, such as the API server's, whose clients the webhook prefers when connections run out",
  ),
  values: setting.optionalPath("the installation's values (YAML or JSON) over Istio's defaults"),
  enableNativeSidecars: setting.toggle('inject the proxy as an init container that keeps running', {
    env: 'ENABLE_NATIVE_SIDECARS',
  }),
});
