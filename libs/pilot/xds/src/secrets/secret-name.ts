/** What a resource name of SDS refers to: a Secret of Kubernetes, in the proxy's own namespace where none is named. */
export interface SecretName {
  readonly kind: 'kubernetes' | 'kubernetes-gateway';
  readonly namespace?: string;
  readonly name: string;
}

const longest = { namespace: 63, name: 253 };
const isLabel = (text: string): boolean => /^[a-z0-9-]+$/.test(text) && !text.startsWith('-') && !text.endsWith('-');
const isNamespace = (text: string): boolean => text.length <= longest.namespace && isLabel(text);
/** A DNS subdomain, as the API server takes for the name of a Secret (Kubernetes, "Object Names and IDs"). */
const isName = (text: string): boolean => text.length <= longest.name && text.split('.').every(isLabel);

/**
 * Reads `kubernetes://NAME`, `kubernetes://NAMESPACE/NAME` or `kubernetes-gateway://NAMESPACE/NAME` (Istio's
 * credentials.ParseResourceName). Stricter than Istio: only names that the API server accepts, and nothing before or
 * after them. Undefined for any other text, of whatever length.
 */
export function parseSecretName(text: string): SecretName | undefined {
  if (text.length > 'kubernetes-gateway:///'.length + longest.namespace + longest.name) return undefined;
  const [scheme, path, ...more] = text.split('://');
  if (path === undefined || more.length > 0) return undefined;
  const parts = path.split('/');
  const [namespace, name] = parts.length === 1 ? [undefined, parts[0]] : parts;
  if (parts.length > 2 || name === undefined || !isName(name) || (namespace !== undefined && !isNamespace(namespace)))
    return undefined;
  if (scheme === 'kubernetes') return { kind: scheme, ...(namespace === undefined ? {} : { namespace }), name };
  return scheme === 'kubernetes-gateway' && namespace !== undefined ? { kind: scheme, namespace, name } : undefined;
}
