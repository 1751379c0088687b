import type { KubeObject } from '@flotilla/kube-port';
import { isRecord } from '@flotilla/std';

/** Which webhooks of a configuration are a control plane's own. */
export interface OwnWebhooks {
  /** Their names end with it. */
  readonly suffix: string;
  /** The namespace of the control plane, in which the Service is that answers them. */
  readonly namespace: string;
}
/** The roots for the `caBundle` of these webhooks. */
export interface CaBundle extends OwnWebhooks {
  /** PEM of the root certificates. */
  readonly roots: string;
}

const webhooksOf = ({ webhooks }: KubeObject): readonly unknown[] => (Array.isArray(webhooks) ? webhooks : []);
const hasSuffix = (webhook: unknown, suffix: string): webhook is Readonly<Record<string, unknown>> =>
  isRecord(webhook) && typeof webhook['name'] === 'string' && webhook['name'].endsWith(suffix);

/** The namespace of the Service that answers a webhook; undefined where it is reached by a URL. */
function namespaceOf({ clientConfig }: Readonly<Record<string, unknown>>): string | undefined {
  const service = isRecord(clientConfig) ? clientConfig['service'] : undefined;
  return isRecord(service) && typeof service['namespace'] === 'string' ? service['namespace'] : undefined;
}

const isKept = (webhook: unknown, { suffix, namespace }: OwnWebhooks): webhook is Readonly<Record<string, unknown>> =>
  hasSuffix(webhook, suffix) && (namespaceOf(webhook) ?? namespace) === namespace;

/** Whether a configuration has any webhook of the control plane. */
export const hasWebhooks = (configuration: KubeObject, webhooks: OwnWebhooks): boolean =>
  webhooksOf(configuration).some((webhook) => isKept(webhook, webhooks));

/** Namespaces of other control planes that answer webhooks with such names, each once. */
export const foreignNamespaces = (configuration: KubeObject, { suffix, namespace }: OwnWebhooks): readonly string[] => [
  ...new Set(
    webhooksOf(configuration)
      .filter((webhook) => hasSuffix(webhook, suffix))
      .flatMap((webhook) => namespaceOf(webhook) ?? [])
      .filter((found) => found !== namespace),
  ),
];

/**
 * The JSON merge patch that gives the webhooks of a configuration the root certificates; undefined when they have them.
 * It names the version of the configuration, because a merge patch replaces the list as a whole.
 */
export function buildCaBundlePatch(configuration: KubeObject, { roots, ...kept }: CaBundle): object | undefined {
  const caBundle = Buffer.from(roots).toString('base64');
  const before = webhooksOf(configuration);
  const webhooks = before.map((webhook) => {
    if (!isKept(webhook, kept)) return webhook;
    const clientConfig = isRecord(webhook['clientConfig']) ? webhook['clientConfig'] : {};
    return clientConfig['caBundle'] === caBundle
      ? webhook
      : { ...webhook, clientConfig: { ...clientConfig, caBundle } };
  });
  if (webhooks.every((webhook, index) => webhook === before[index])) return undefined;
  return { metadata: { resourceVersion: configuration.metadata.resourceVersion }, webhooks };
}
