import { defaultInstallation, type Installation } from '@flotilla/model';
import type { LabelSelector } from '@flotilla/rules';
import { err, ok, type Result, isRecord } from '@flotilla/std';

interface Resources {
  readonly limits?: Readonly<Record<string, string | number>>;
  readonly requests?: Readonly<Record<string, string | number>>;
}

/**
 * The installation's values as far as the default templates read them; names and defaults are those of Istio's charts,
 * version 1.19.
 */
export interface Values {
  readonly global: {
    readonly hub: string;
    readonly tag: string | number;
    readonly imagePullPolicy: string;
    readonly imagePullSecrets: readonly string[];
    readonly istioNamespace: string;
    readonly caAddress: string;
    readonly caName: string;
    readonly jwtPolicy: string;
    readonly pilotCertProvider: string;
    readonly meshID: string;
    readonly trustDomain: string;
    readonly network: string;
    readonly logAsJson: boolean;
    readonly logging: { readonly level: string };
    readonly mountMtlsCerts: boolean;
    readonly multiCluster: { readonly clusterName: string };
    readonly proxy: {
      readonly image: string;
      readonly tracer: string;
      readonly autoInject: string;
      readonly clusterDomain: string;
      readonly logLevel: string;
      readonly componentLogLevel: string;
      readonly enableCoreDump: boolean;
      readonly privileged: boolean;
      readonly capNetBindService: string;
      readonly includeIPRanges: string;
      readonly excludeIPRanges: string;
      readonly includeInboundPorts: string;
      readonly excludeInboundPorts: string;
      readonly includeOutboundPorts: string;
      readonly excludeOutboundPorts: string;
      readonly readinessFailureThreshold: number;
      readonly readinessInitialDelaySeconds: number;
      readonly readinessPeriodSeconds: number;
      readonly statusPort: number;
      readonly resources: Resources;
      readonly holdApplicationUntilProxyStarts: boolean;
      readonly lifecycle: Readonly<Record<string, unknown>>;
    };
    readonly proxy_init: { readonly image: string };
    readonly sds: { readonly token: { readonly aud: string } };
    readonly sts: { readonly servicePort: number };
  };
  readonly istio_cni: { readonly enabled: boolean; readonly chained: boolean };
  readonly revision: string;
  readonly sidecarInjectorWebhook: {
    readonly rewriteAppHTTPProbe: boolean;
    readonly neverInjectSelector: readonly LabelSelector[];
    readonly alwaysInjectSelector: readonly LabelSelector[];
    readonly injectedAnnotations: Readonly<Record<string, string>>;
  };
}

export const defaultValues: Values = {
  global: {
    hub: 'docker.io/istio',
    tag: '1.19.0',
    imagePullPolicy: '',
    imagePullSecrets: [],
    istioNamespace: defaultInstallation.systemNamespace,
    caAddress: '',
    caName: '',
    jwtPolicy: 'third-party-jwt',
    pilotCertProvider: 'istiod',
    meshID: '',
    trustDomain: '',
    network: '',
    logAsJson: false,
    logging: { level: 'default:info' },
    mountMtlsCerts: false,
    multiCluster: { clusterName: '' },
    proxy: {
      image: 'proxyv2',
      tracer: 'zipkin',
      autoInject: 'enabled',
      clusterDomain: defaultInstallation.domain,
      logLevel: 'warning',
      componentLogLevel: 'misc:error',
      enableCoreDump: false,
      privileged: false,
      capNetBindService: '',
      includeIPRanges: '*',
      excludeIPRanges: '',
      includeInboundPorts: '*',
      excludeInboundPorts: '',
      includeOutboundPorts: '',
      excludeOutboundPorts: '',
      readinessFailureThreshold: 30,
      readinessInitialDelaySeconds: 1,
      readinessPeriodSeconds: 2,
      statusPort: 15020,
      resources: { limits: { cpu: '2000m', memory: '1024Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
      holdApplicationUntilProxyStarts: false,
      lifecycle: {},
    },
    proxy_init: { image: 'proxyv2' },
    sds: { token: { aud: 'istio-ca' } },
    sts: { servicePort: 0 },
  },
  istio_cni: { enabled: false, chained: true },
  revision: '',
  sidecarInjectorWebhook: {
    rewriteAppHTTPProbe: true,
    neverInjectSelector: [],
    alwaysInjectSelector: [],
    injectedAnnotations: {},
  },
};

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'a list' : isRecord(value) ? 'an object' : typeof value;
const isText = (value: unknown): boolean => typeof value === 'string';
const isTextMap = (value: unknown): boolean => isRecord(value) && Object.values(value).every(isText);
const isListOf = (value: unknown, isItem: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isItem);
const isSelector = (value: unknown): boolean =>
  isRecord(value) &&
  isTextMap(value['matchLabels'] === undefined ? {} : value['matchLabels']) &&
  isListOf(value['matchExpressions'] === undefined ? [] : value['matchExpressions'], isExpression);
const isExpression = (value: unknown): boolean =>
  isRecord(value) &&
  isText(value['key']) &&
  isText(value['operator']) &&
  isListOf(value['values'] === undefined ? [] : value['values'], isText);

/** Members whose content is the user's, and what it must be. */
const open = new Map<string, readonly [what: string, is: (value: unknown) => boolean]>([
  ['global.proxy.resources', ['an object', isRecord]],
  ['global.proxy.lifecycle', ['an object', isRecord]],
  ['global.imagePullSecrets', ['a list of names', (value) => isListOf(value, isText)]],
  ['sidecarInjectorWebhook.neverInjectSelector', ['a list of label selectors', (value) => isListOf(value, isSelector)]],
  [
    'sidecarInjectorWebhook.alwaysInjectSelector',
    ['a list of label selectors', (value) => isListOf(value, isSelector)],
  ],
  ['sidecarInjectorWebhook.injectedAnnotations', ['an object of texts', isTextMap]],
]);

/** Istio's defaults for a control plane that is installed elsewhere. */
const valuesOf = ({ domain, systemNamespace }: Pick<Installation, 'domain' | 'systemNamespace'>): Values => ({
  ...defaultValues,
  global: {
    ...defaultValues.global,
    istioNamespace: systemNamespace,
    proxy: { ...defaultValues.global.proxy, clusterDomain: domain },
  },
});

/**
 * Reads given values over the defaults of the installation. What the templates don't read is left out; a value of
 * another type than the default's is refused by its path.
 */
export function parseValues(
  raw: unknown,
  installation: Pick<Installation, 'domain' | 'systemNamespace'> = defaultInstallation,
): Result<Values> {
  const wrong: string[] = [];
  const merge = (base: unknown, over: unknown, path: string): unknown => {
    if (over === undefined || over === null) return base;
    const [expected, isRight] = open.get(path) ?? [];
    if (expected && isRight) return isRight(over) ? over : refuse(path, base, { expected: expected, found: over });
    if (isRecord(base))
      return isRecord(over)
        ? Object.fromEntries(
            Object.entries(base).map(([key, value]) => [
              key,
              merge(value, over[key], path === '' ? key : `${path}.${key}`),
            ]),
          )
        : refuse(path, base, { found: over });
    const scalars = !isRecord(over) && !Array.isArray(over);
    if (typeof base === 'string' && scalars) return String(over);
    return typeof base === typeof over ? over : refuse(path, base, { found: over });
  };
  const refuse = (
    path: string,
    base: unknown,
    { expected = kindOf(base), found }: { expected?: string; found: unknown },
  ): unknown => {
    wrong.push(`${path || 'values'}: expected ${expected}, found ${kindOf(found)}`);
    return base;
  };
  const merged = merge(valuesOf(installation), raw, '') as Values;
  return wrong.length > 0 ? err(wrong.join('; ')) : ok(merged);
}

/**
 * Reads the values that an installation wrote for its injector. They are complete: a user-defined member that is
 * missing was removed, so it is empty instead of having its default.
 */
export function parseInstalledValues(
  raw: unknown,
  installation?: Pick<Installation, 'domain' | 'systemNamespace'>,
): Result<Values> {
  const complete = structuredClone(raw);
  for (const path of open.keys()) {
    const names = path.split('.');
    const last = names.pop() ?? '';
    let parent: unknown = complete;
    for (const name of names) parent = isRecord(parent) ? (parent[name] ?? undefined) : undefined;
    if (isRecord(parent)) (parent as Record<string, unknown>)[last] ??= emptied.has(path) ? [] : {};
  }
  return parseValues(complete, installation);
}
/** Those of the open members that are lists. */
const emptied = new Set([
  'global.imagePullSecrets',
  'sidecarInjectorWebhook.neverInjectSelector',
  'sidecarInjectorWebhook.alwaysInjectSelector',
]);
