import { maxUint32, parseUint, type Result } from '@flotilla/std';
import { defaultMeshConfig, proxyConfigMistakes } from '@flotilla/model';
import type { Strings } from '@flotilla/injector-template';
import { parseBool, parsePrefix } from '@flotilla/rules';
import { parseAnnotation } from './proxy-config.ts';

type Check = (value: string) => string | undefined;
const errorOf = (read: Result<unknown>): string | undefined => (read.ok ? undefined : read.error);
const uint: Check = (value) => errorOf(parseUint(value, maxUint32));
const bool: Check = (value) => errorOf(parseBool(value));
const mode: Check = (value) =>
  ['REDIRECT', 'TPROXY', 'NONE'].includes(value)
    ? undefined
    : `interceptionMode invalid, use REDIRECT,TPROXY,NONE: ${value}`;

/** An empty list has no parts; an empty part of a list is a mistake. */
function firstMistake(list: string, check: Check): { readonly part: string; readonly message: string } | undefined {
  for (const part of list === '' ? [] : list.split(',')) {
    const message = check(part);
    if (message !== undefined) return { part, message };
  }
  return undefined;
}
const port: Check = (value) => {
  const wrong = errorOf(parseUint(value.trim(), 65_535));
  return wrong === undefined ? undefined : `failed parsing port '${value}': ${wrong}`;
};
const ports =
  (name: string, wildcard: boolean): Check =>
  (value) => {
    const wrong = wildcard && value === '*' ? undefined : firstMistake(value.trim(), port);
    return wrong && `${name} invalid: failed parsing port '${wrong.part}': ${wrong.message}`;
  };
const statusPort: Check = (value) => {
  const message = port(value);
  return message && `excludeInboundPorts invalid: ${message}`;
};
const cidrs =
  (name: string, wildcard: boolean): Check =>
  (value) => {
    const wrong = wildcard && value === '*' ? undefined : firstMistake(value, (part) => errorOf(parsePrefix(part)));
    return wrong && `${name} invalid: failed parsing cidr '${wrong.part}': ${wrong.message}`;
  };
/** Text that is not configuration at all is reported where it is read. */
const proxyConfig: Check = (value) => {
  const given = parseAnnotation(value);
  const mistakes = given.ok ? proxyConfigMistakes({ ...defaultMeshConfig().defaultConfig, ...given.value }) : [];
  return mistakes.length > 0 ? errorList(mistakes) : undefined;
};
const checks = new Map<string, Check>(
  Object.entries({
    'sidecar.istio.io/interceptionMode': mode,
    'sidecar.istio.io/enableCoreDump': bool,
    'status.sidecar.istio.io/port': statusPort,
    'readiness.status.sidecar.istio.io/initialDelaySeconds': uint,
    'readiness.status.sidecar.istio.io/periodSeconds': uint,
    'readiness.status.sidecar.istio.io/failureThreshold': uint,
    'traffic.sidecar.istio.io/includeOutboundIPRanges': cidrs('includeIPRanges', true),
    'traffic.sidecar.istio.io/excludeOutboundIPRanges': cidrs('excludeIPRanges', false),
    'traffic.sidecar.istio.io/includeInboundPorts': ports('includeInboundPorts', true),
    'traffic.sidecar.istio.io/excludeInboundPorts': ports('excludeInboundPorts', false),
    'traffic.sidecar.istio.io/excludeOutboundPorts': ports('excludeOutboundPorts', false),
    'prometheus.istio.io/merge-metrics': bool,
    'proxy.istio.io/config': proxyConfig,
  }),
);

/** As Go's multierror writes several. */
const errorList = (messages: readonly string[]): string =>
  `${messages.length} error${messages.length > 1 ? 's' : ''} occurred:\n${messages.map((message) => `\t* ${message}`).join('\n')}\n\n`;

/** What is wrong with a pod's annotations, in Istio's words; undefined when nothing is. */
export function validateAnnotations(annotations: Strings): string | undefined {
  const wrong = Object.keys(annotations)
    .sort()
    .flatMap((name) => {
      const value = annotations[name] ?? '';
      const message = checks.get(name)?.(value);
      return message === undefined ? [] : [`invalid value '${value}' for annotation '${name}': ${message}`];
    });
  return wrong.length === 0 ? undefined : errorList(wrong);
}
