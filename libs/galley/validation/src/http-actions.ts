import { parsePort, withoutTrailing } from '@flotilla/std';
import type { HTTPRetry, HTTPRoute, StringMatch } from '@flotilla/model';
import { grpcStatusOf, isHttpStatus } from '@flotilla/rules';
import { checkDestination } from './destination.ts';
import { headerNameMistake } from './headers.ts';
import { durationMistake, optionalDurationMistake, portMistake } from './names.ts';
import { matchRegexMistake, stringMatchMistake } from './regex.ts';
import { quoted, type Report } from './report.ts';

type Of<K extends keyof HTTPRoute> = HTTPRoute[K];

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE']);

export function checkCors(policy: Of<'corsPolicy'>, path: string, report: Report): void {
  if (!policy) return;
  for (const [i, origin] of (policy.allowOrigins ?? []).entries())
    report.error(`${path}.allowOrigins[${i}]`, originMistake(origin));
  for (const [i, method] of (policy.allowMethods ?? []).entries())
    if (!methods.has(method))
      report.error(`${path}.allowMethods[${i}]`, `${quoted(method)} is not a supported HTTP method`);
  for (const field of ['allowHeaders', 'exposeHeaders'] as const) {
    for (const [i, name] of (policy[field] ?? []).entries())
      report.error(`${path}.${field}[${i}]`, headerNameMistake(name));
  }
  if (policy.maxAge !== undefined) {
    report.error(`${path}.maxAge`, durationMistake(policy.maxAge));
    if (policy.maxAge % 1 > 0) report.error(`${path}.maxAge`, 'max_age duration is accurate only to seconds precision');
  }
}

function originMistake(origin: StringMatch): string | undefined {
  const value = origin.exact ?? origin.prefix ?? origin.regex ?? '';
  return value === ''
    ? "'' is not a valid match type for CORS allow origins"
    : stringMatchMistake(origin, 'corsPolicy.allowOrigins');
}

const percentageMistake = (percentage: { readonly value?: number } | undefined): string | undefined => {
  const value = percentage?.value ?? 0;
  return value < 0 || value > 100 || (value > 0 && value < 0.0001)
    ? `percentage ${value} is neither 0.0, nor in range [0.0001, 100.0]`
    : undefined;
};
const statusMistake = (status: number): string | undefined =>
  status < 200 || status > 600 ? `HTTP status ${status} is not in range 200-599` : undefined;

export function checkFault(fault: Of<'fault'>, path: string, report: Report): void {
  if (!fault) return;
  const { abort, delay } = fault;
  if (!abort && !delay) report.error(path, 'HTTP fault injection must have an abort and/or a delay');
  if (abort) {
    report.error(`${path}.abort.percentage`, percentageMistake(abort.percentage));
    if (abort.grpcStatus !== undefined) {
      report.error(
        `${path}.abort.grpcStatus`,
        grpcStatusOf(abort.grpcStatus) !== undefined
          ? undefined
          : `gRPC status ${quoted(abort.grpcStatus)} is not supported. See https://github.com/grpc/grpc/blob/master/doc/statuscodes.md for a list of supported codes, for example 'NOT_FOUND'`,
      );
    } else if (abort.http2Error !== undefined)
      report.error(`${path}.abort.http2Error`, 'HTTP/2 abort fault injection not supported yet');
    else if (abort.httpStatus !== undefined) report.error(`${path}.abort.httpStatus`, statusMistake(abort.httpStatus));
    else report.warn(`${path}.abort`, 'abort configured, but error type not set');
  }
  if (delay) {
    report.error(`${path}.delay.percentage`, percentageMistake(delay.percentage));
    report.error(`${path}.delay.fixedDelay`, optionalDurationMistake(delay.fixedDelay));
    if (delay.exponentialDelay !== undefined) {
      report.error(`${path}.delay.exponentialDelay`, durationMistake(delay.exponentialDelay));
      report.error(`${path}.delay.exponentialDelay`, 'exponentialDelay not supported yet');
    }
  }
}

/** The one mirror; Istio 1.19 takes a list of them too, but neither checks nor uses it. */
export function checkMirrors(route: HTTPRoute, path: string, report: Report): void {
  if (route.mirrorPercent !== undefined) {
    if (route.mirrorPercent > 100)
      report.error(
        `${path}.mirrorPercent`,
        `mirror_percent must have a max value of 100 (it has ${route.mirrorPercent})`,
      );
    report.warn(`${path}.mirrorPercent`, 'using deprecated setting "mirrorPercent", use "mirrorPercentage" instead');
  }
  report.error(`${path}.mirrorPercentage`, mirrorShareMistake(route.mirrorPercentage?.value));
  checkDestination(route.mirror, `${path}.mirror`, report);
}
const mirrorShareMistake = (value = 0): string | undefined => {
  if (value > 100) return `mirror_percentage must have a max value of 100 (it has ${value.toFixed(6)})`;
  return value < 0 ? `mirror_percentage must have a min value of 0 (it has ${value.toFixed(6)})` : undefined;
};

export function checkRedirect(redirect: Of<'redirect'>, path: string, report: Report): void {
  if (!redirect) return;
  const { uri, authority, port, derivePort, scheme, redirectCode } = redirect;
  if (!uri && !authority && !scheme && port === undefined && derivePort === undefined)
    return report.error(path, 'redirect must specify URI, authority, scheme, or port');
  if (redirectCode && (redirectCode < 300 || redirectCode > 399))
    return report.error(`${path}.redirectCode`, `${redirectCode} is not a valid redirect code, must be 3xx`);
  if (scheme && scheme !== 'http' && scheme !== 'https')
    return report.error(`${path}.scheme`, 'invalid redirect scheme, must be "http" or "https"');
  if (port) report.error(`${path}.port`, portMistake(port));
}

const [warnBytes, maxBytes] = [100 << 10, 1 << 20];
export function checkDirectResponse(response: Of<'directResponse'>, path: string, report: Report): void {
  if (!response) return;
  const { string, bytes } = response.body ?? {};
  const size =
    string !== undefined
      ? new TextEncoder().encode(string).length
      : Math.floor((withoutTrailing(bytes ?? '', '=').length * 3) / 4);
  if (size > maxBytes)
    report.error(`${path}.body`, 'large direct_responses may impact control plane performance, must be less than 1MB');
  else if (size > warnBytes) report.warn(`${path}.body`, 'large direct_responses may impact control plane performance');
  report.error(`${path}.status`, statusMistake(response.status ?? 0));
}

const retryOn = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'envoy-ratelimited',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

export function checkRetries(retries: HTTPRetry | undefined, path: string, report: Report): void {
  if (!retries) return;
  const { attempts = 0, perTryTimeout, retryRemoteLocalities } = retries;
  if (attempts < 0) report.error(`${path}.attempts`, 'attempts cannot be negative');
  if (attempts === 0 && (perTryTimeout !== undefined || retries.retryOn || retryRemoteLocalities !== undefined)) {
    report.error(path, 'http retry policy configured when attempts are set to 0 (disabled)');
  }
  report.error(`${path}.perTryTimeout`, optionalDurationMistake(perTryTimeout));
  for (const policy of retries.retryOn ? retries.retryOn.split(',') : []) {
    if (!retryOn.has(policy) && !isHttpStatus(parsePort(policy) ?? -1))
      report.error(`${path}.retryOn`, `${quoted(policy)} is not a valid retryOn policy`);
  }
}

export function checkRewrite(rewrite: Of<'rewrite'>, path: string, report: Report): void {
  if (!rewrite) return;
  const { uri, uriRegexRewrite: regex, authority } = rewrite;
  if (uri && regex) return report.error(path, 'rewrite may only contain one of URI or UriRegexRewrite');
  if (!uri && !regex && !authority) {
    return report.error(
      path,
      'rewrite must specify at least one of URI, UriRegexRewrite, or authority. Only one of URI or UriRegexRewrite may be specified',
    );
  }
  if (!regex) return;
  const mistake =
    !regex.match || !regex.rewrite
      ? 'UriRegexRewrite requires both Rewrite and Match fields to be specified'
      : matchRegexMistake(regex.match, 'HTTPRewrite.UriRegexRewrite.Match');
  report.error(`${path}.uriRegexRewrite`, mistake && `UriRegexRewrite has errors\n${mistake}`);
}
