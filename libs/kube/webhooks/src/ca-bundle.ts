import type { KubeObject } from '@flotilla/kube-port';
import { isRecord } from '@flotilla/std';

/** The roots for the `caBundle` of all webhooks of a configuration whose name ends with `suffix`. */
export interface CaBundle {
  readonly suffix: string;
  /** PEM of the root certificates. */
  readonly roots: string;
}

const webhooksOf = ({ webhooks }: KubeObject): readonly unknown[] => (Array.isArray(webhooks) ? webhooks : []);
const isKept = (webhook: unknown, suffix: string): webhook is Readonly<Record<string, unknown>> =>
  isRecord(webhook) && typeof webhook['name'] === 'string' && webhook['name'].endsWith(suffix);

/** Whether a configuration has any webhook whose name ends with `suffix`. */
export const hasWebhooks = (configuration: KubeObject, suffix: string): boolean =>
  webhooksOf(configuration).some((webhook) => isKept(webhook, suffix));

/**
 * The JSON merge patch that gives the webhooks of a configuration the root certificates; undefined when they have them.
 * It names the version of the configuration, because a merge patch replaces the list as a whole.
 */
export function buildCaBundlePatch(configuration: KubeObject, { suffix, roots }: CaBundle): object | undefined {
  const caBundle = Buffer.from(roots).toString('base64');
  const before = webhooksOf(configuration);
  const webhooks = before.map((webhook) => {
    if (!isKept(webhook, suffix)) return webhook;
    const clientConfig = isRecord(webhook['clientConfig']) ? webhook['clientConfig'] : {};
    return clientConfig['caBundle'] === caBundle
      ? webhook
      : { ...webhook, clientConfig: { ...clientConfig, caBundle } };
  });
  if (webhooks.every((webhook, index) => webhook === before[index])) return undefined;
  return { metadata: { resourceVersion: configuration.metadata.resourceVersion }, webhooks };
}
