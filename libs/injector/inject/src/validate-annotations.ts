import { defaultMeshConfig, proxyConfigMistakes } from '@flotilla/model';
import type { Strings } from '@flotilla/injector-template';
import { parseAnnotation } from './proxy-config.ts';

type Check = (value: string) => string | undefined;
const quote = (value: string): string => JSON.stringify(value);
const unsigned = (value: string, max: number): string | undefined => {
  if (!/^\d+$/.test(value)) return `strconv.ParseUint: parsing ${quote(value)}: invalid syntax`;
  return Number(value) > max ? `strconv.ParseUint: parsing ${quote(value)}: value out of range` : undefined;
};
const uint: Check = (value) => unsigned(value, 4_294_967_295);
const bool: Check = (value) => (/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value) ? undefined : `strconv.ParseBool: parsing ${quote(value)}: invalid syntax`);
const mode: Check = (value) => (['REDIRECT', 'TPROXY', 'NONE'].includes(value) ? undefined : `interceptionMode invalid, use REDIRECT,TPROXY,NONE: ${value}`);

/** An empty list is none; an empty part of a list is a mistake. */
const firstMistake = (list: string, check: Check): { readonly part: string; readonly message: string } | undefined =>
  (list === '' ? [] : list.split(',')).map((part) => ({ part, message: check(part) })).find((found): found is { part: string; message: string } => found.message !== undefined);
const port: Check = (value) => {
  const wrong = unsigned(value.trim(), 65_535);
  return wrong === undefined ? undefined : `failed parsing port '${value}': ${wrong}`;
};
const ports = (name: string, wildcard: boolean): Check => (value) => {
  const wrong = wildcard && value === '*' ? undefined : firstMistake(value.trim(), port);
  return wrong && `${name} invalid: failed parsing port '${wrong.part}': ${wrong.message}`;
};
const statusPort: Check = (value) => {
  const message = port(value);
  return message && `excludeInboundPorts invalid: ${message}`;
};
const cidrs = (name: string, wildcard: boolean): Check => (value) => {
  const wrong = wildcard && value === '*' ? undefined : firstMistake(value, cidr);
  return wrong && `${name} invalid: failed parsing cidr '${wrong.part}': ${wrong.message}`;
};
/** Text that is no configuration at all is told where it is read. */
const proxyConfig: Check = (value) => {
  const given = parseAnnotation(value);
  const mistakes = given.ok ? proxyConfigMistakes({ ...defaultMeshConfig().defaultConfig, ...given.value }) : [];
  return mistakes.length > 0 ? errorList(mistakes) : undefined;
};
function cidr(value: string): string | undefined {
  const fail = (why: string): string => `netip.ParsePrefix(${quote(value)}): ${why}`;
  const slash = value.lastIndexOf('/');
  if (slash < 0) return fail("no '/'");
  const [address, bits] = [value.slice(0, slash), value.slice(slash + 1)];
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (v4 ? v4.slice(1).some((part) => Number(part) > 255) : !/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(address)) return fail('unable to parse IP');
  if (!/^(0|[1-9]\d{0,2})$/.test(bits)) return fail(`bad bits after slash: ${quote(bits)}`);
  return Number(bits) > (v4 ? 32 : 128) ? fail('prefix length out of range') : undefined;
}

const checks = new Map<string, Check>(Object.entries({
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
}));

/** As Go's multierror writes several. */
const errorList = (messages: readonly string[]): string => `${messages.length} error${messages.length > 1 ? 's' : ''} occurred:\n${messages.map((message) => `\t* ${message}`).join('\n')}\n\n`;

/** What is wrong with a pod's annotations, in Istio's words; undefined when nothing is. */
export function validateAnnotations(annotations: Strings): string | undefined {
  const wrong = Object.keys(annotations).sort().flatMap((name) => {
    const value = annotations[name] ?? '';
    const message = checks.get(name)?.(value);
    return message === undefined ? [] : [`invalid value '${value}' for annotation '${name}': ${message}`];
  });
  return wrong.length === 0 ? undefined : errorList(wrong);
}
