import type { Container, EnvVar, PodObject } from '@flotilla/injector-template';
import { parseQuantity } from '@flotilla/std';
import { downwardField, type VolumeSources } from './volumes.ts';

interface From {
  readonly fieldRef?: { fieldPath: string };
  readonly resourceFieldRef?: { resource: string; containerName?: string };
  readonly configMapKeyRef?: KeyRef;
  readonly secretKeyRef?: KeyRef;
}
interface KeyRef {
  readonly name: string;
  readonly key: string;
}
type Sources = Pick<VolumeSources, 'configMap' | 'secret'>;

/**
 * A container's environment: literal values, the downward API, keys of ConfigMaps and Secrets, and `$(NAME)` for what
 * was defined before.
 */
export function environmentOf(pod: PodObject, container: Container, sources: Sources): Record<string, string> {
  const env: Record<string, string> = { HOSTNAME: pod.metadata.name ?? '' };
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom
      ? valueFrom(variable, { pod, container, sources })
      : expand(variable.value ?? '', env);
    if (value !== undefined) env[variable.name] = value;
  }
  return env;
}

/**
 * Replaces `$(NAME)`; an unknown name stays as it is, `$$` is a dollar sign (Kubernetes, "Define Dependent Environment
 * Variables").
 */
export const expand = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replace(/\$\$|\$\(([A-Za-z_][\w.-]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? whole),
  );

function valueFrom(
  { valueFrom: from }: EnvVar,
  { pod, container, sources }: { pod: PodObject; container: Container; sources: Sources },
): string | undefined {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = from as From;
  const namespace = pod.metadata.namespace ?? 'default';
  if (fieldRef) return downwardField(pod, fieldRef.fieldPath);
  if (resourceFieldRef) return resourceField(container, resourceFieldRef.resource);
  if (configMapKeyRef) return sources.configMap(namespace, configMapKeyRef.name)?.[configMapKeyRef.key];
  return secretKeyRef ? sources.secret(namespace, secretKeyRef.name)?.[secretKeyRef.key] : undefined;
}

/** A resource of the container with divisor 1: cores rounded up, memory in bytes; undefined without it. */
function resourceField(container: Container, field: string): string | undefined {
  const [kind = '', name = ''] = field.split('.');
  const quantity = (container['resources'] as Record<string, Record<string, string | number>> | undefined)?.[kind]?.[
    name
  ];
  if (quantity === undefined) return undefined;
  const amount = parseQuantity(String(quantity));
  return amount.ok ? String(Math.ceil(Number(`${amount.value.mantissa}e${amount.value.exponent}`))) : undefined;
}
