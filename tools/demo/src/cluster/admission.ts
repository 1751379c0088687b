import { request } from 'node:https';
import { randomUUID } from 'node:crypto';
import { applyPatch, webhookSelects, type PatchOperation } from '@flotilla/injector-inject';
import type { PodObject, Strings } from '@flotilla/injector-template';
import { namespaceOf, podsBehind, targetPort, type RunningPod, type Service } from './objects.ts';

/** Where the mutating webhook answers, and whom it must prove to be. */
export interface Webhook {
  readonly ip: string;
  readonly port: number;
  readonly serverName: string;
  readonly roots: string;
}

export interface WebhookSources {
  readonly services: readonly Service[];
  readonly pods: readonly RunningPod[];
  readonly roots: string | undefined;
}
const httpsPort = 443;

/** A ready pod behind the webhook's Service; undefined while there is none, or nobody to trust yet. */
export function findWebhook(
  { namespace, service: name }: { readonly namespace: string; readonly service: string },
  { services, pods, roots }: WebhookSources,
): Webhook | undefined {
  const service = services.find((each) => each.metadata.name === name && namespaceOf(each) === namespace);
  const pod = service && podsBehind(service, pods).find(({ isReady }) => isReady);
  const port = service?.spec?.ports?.find(({ port: number }) => number === httpsPort);
  const target = pod && port && targetPort(port, pod);
  return pod && target !== undefined && roots !== undefined
    ? { ip: pod.ip, port: target, serverName: `${name}.${namespace}.svc`, roots }
    : undefined;
}

/**
 * Whether the API server sends this pod to the webhook. A namespace without a manifest is taken as labelled for
 * injection.
 */
export const isSelected = (pod: PodObject, namespaceLabels: Strings | undefined): boolean =>
  webhookSelects(namespaceLabels ?? { 'istio-injection': 'enabled' }, pod.metadata.labels ?? {});

/**
 * Sends the pod to the webhook as an AdmissionReview and applies its patch. Rejects when the webhook can't be reached
 * or refuses.
 */
export async function admit(pod: PodObject, webhook: Webhook): Promise<PodObject> {
  const uid = randomUUID();
  const { namespace } = pod.metadata;
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace,
      operation: 'CREATE',
      object: pod,
    },
  };
  const { response } = JSON.parse(await post(webhook, JSON.stringify(review))) as {
    response: { uid: string; allowed: boolean; patch?: string; status?: { message?: string } };
  };
  if (response.uid !== uid) throw new Error('the webhook answered another request');
  if (!response.allowed)
    throw new Error(
      `the webhook refused pod ${namespace}/${pod.metadata.name}: ${response.status?.message ?? 'no reason given'}`,
    );
  if (response.patch === undefined) return pod;
  return applyPatch(
    pod,
    JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8')) as PatchOperation[],
  ) as PodObject;
}

const timeoutMs = 5000;

function post({ ip, port, serverName, roots }: Webhook, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: ip,
        port,
        servername: serverName,
        path: '/inject',
        method: 'POST',
        ca: roots,
        timeout: timeoutMs,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(`the webhook answered ${response.statusCode}: ${text.trim()}`));
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('the webhook did not answer in time')));
    sent.on('error', reject).end(body);
  });
}
