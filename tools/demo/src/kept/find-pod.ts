import { Unmet } from '../unmet.ts';
import type { KeptContainer, KeptPod } from './control-server.ts';

const proxy = 'istio-proxy';

/**
 * Finds a pod by `[NAMESPACE/]NAME`, where NAME is that of the pod or its Deployment. Throws Unmet when there is none,
 * or when several namespaces have one.
 */
export function findPod(pods: readonly KeptPod[], text: string): KeptPod {
  const [namespace, name] = text.includes('/') ? (text.split('/', 2) as [string, string]) : [undefined, text];
  const found = pods.filter(
    (pod) =>
      (namespace === undefined || pod.namespace === namespace) &&
      (pod.name === name || pod.name.startsWith(`${name}-`)),
  );
  const [first] = found.filter((pod) => pod.name === name).concat(found);
  if (!first) throw new Unmet(`no pod ${text}; the pods are: ${pods.map(nameOf).join(', ')}`);
  if (new Set(found.map((pod) => pod.namespace)).size > 1)
    throw new Unmet(`${text} matches several pods: ${found.map(nameOf).join(', ')}`);
  return first;
}

/** Finds a container by name; without a name, the application's. Throws Unmet when there is none. */
export function findContainer(pod: KeptPod, name: string | undefined): KeptContainer {
  const found =
    name === undefined
      ? (pod.containers.find((container) => container.name !== proxy) ?? pod.containers[0])
      : pod.containers.find((container) => container.name === name);
  if (found) return found;
  throw new Unmet(
    `${nameOf(pod)} has no container ${name ?? ''}; it has ${pod.containers.map((container) => container.name).join(', ')}`,
  );
}

/** The proxy of a pod. Throws Unmet when it has none. */
export function findProxy(pod: KeptPod): KeptContainer {
  const found = pod.containers.find((container) => container.name === proxy);
  if (!found) throw new Unmet(`${nameOf(pod)} has no proxy`);
  return found;
}

export const nameOf = ({ namespace, name }: KeptPod): string => `${namespace}/${name}`;
