import type { Headers, HTTPMatchRequest, HTTPRoute, HTTPRouteDestination, RouteDestination } from '@flotilla/model';
import { checkDestination } from './destination.ts';
import {
  checkFault,
  checkMirrors,
  checkCors,
  checkRedirect,
  checkDirectResponse,
  checkRetries,
  checkRewrite,
} from './http-actions.ts';
import {
  destinationHeaderMistake,
  headerNameMistake,
  headerValueMistake,
  isAuthority,
  otherHeaderMistake,
  requestHeaderMistake,
} from './headers.ts';
import { fqdnMistake, isDnsLabel, labelMistakes, optionalDurationMistake, portMistake } from './names.ts';
import { stringMatchMistake } from './regex.ts';
import { eachOf, quoted, type Report } from './report.ts';

/** Of a route: alone, one that another VirtualService's route delegates to, or one that delegates. */
type RouteRole = 'independent' | 'delegate' | 'root';

/** One HTTP rule of a VirtualService; `isDelegate` when that has no hosts. */
export function checkHttpRoute(
  route: HTTPRoute,
  { path, isDelegate }: { path: string; isDelegate: boolean },
  report: Report,
): void {
  const role: RouteRole = isDelegate ? 'delegate' : route.delegate ? 'root' : 'independent';
  for (const conflict of conflictsOf(route, role)) report.error(path, conflict);
  for (const [i, match] of (route.match ?? []).entries()) checkMatch(match, `${path}.match[${i}]`, report);
  checkHeaders(route.headers, { path: `${path}.headers`, requestMistake: requestHeaderMistake }, report);
  checkCors(route.corsPolicy, `${path}.corsPolicy`, report);
  checkFault(route.fault, `${path}.fault`, report);
  checkMirrors(route, path, report);
  checkRedirect(route.redirect, `${path}.redirect`, report);
  checkDirectResponse(route.directResponse, `${path}.directResponse`, report);
  checkRetries(route.retries, `${path}.retries`, report);
  checkRewrite(route.rewrite, `${path}.rewrite`, report);
  report.error(path, authorityMistake(route));
  checkRouteDestinations(route.route, `${path}.route`, report);
  report.error(`${path}.timeout`, optionalDurationMistake(route.timeout));
}

/** A rule does one of: route, redirect, answer by itself, delegate. */
function conflictsOf(route: HTTPRoute, role: RouteRole): string[] {
  const has = (field: unknown): boolean => (Array.isArray(field) ? field.length > 0 : field !== undefined);
  const both = (kind: string, a: keyof HTTPRoute, b: string): string[] =>
    has(route[a]) ? [`${kind} cannot contain both ${a} and ${b}`] : [];
  if (role === 'root') {
    const named = route.name ? `${route.name} ` : '';
    return [
      ...(route.redirect ? [`root HTTP route ${named}must not specify redirect`] : []),
      ...(route.route ? [`root HTTP route ${named}must not specify route`] : []),
    ];
  }
  const delegates = role === 'delegate' && route.delegate ? ['delegate HTTP route cannot contain delegate'] : [];
  const action = route.redirect ? 'redirect' : route.directResponse ? 'direct_response' : undefined;
  const conflicts = action
    ? [
        ...both('HTTP route', 'route', action),
        ...both('HTTP route', 'fault', action),
        ...both('HTTP route rule', 'rewrite', action),
        ...(route.redirect && route.directResponse
          ? ['HTTP route rule cannot contain both direct_response and redirect']
          : []),
      ]
    : has(route.route)
      ? []
      : ['HTTP route, redirect or direct_response is required'];
  return [...delegates, ...conflicts];
}

function checkMatch(match: HTTPMatchRequest, path: string, report: Report): void {
  for (const [name, value] of eachOf(match.headers)) {
    report.error(`${path}.headers`, headerNameMistake(name));
    report.error(`${path}.headers`, value.prefix === '' ? `header prefix match ${name} may not be empty` : undefined);
    report.error(`${path}.headers`, stringMatchMistake(value, 'headers'));
  }
  for (const [name, value] of eachOf(match.withoutHeaders)) {
    report.error(`${path}.withoutHeaders`, headerNameMistake(name));
    report.error(
      `${path}.withoutHeaders`,
      value.prefix === '' ? `header prefix match ${name} may not be empty` : undefined,
    );
    // `*` requires the header's presence.
    if (value.regex !== '*') report.error(`${path}.withoutHeaders`, stringMatchMistake(value, 'withoutHeaders'));
  }
  for (const field of ['uri', 'scheme', 'method', 'authority'] as const)
    report.error(`${path}.${field}`, stringMatchMistake(match[field], field));
  for (const [, value] of eachOf(match.queryParams))
    report.error(`${path}.queryParams`, stringMatchMistake(value, 'queryParams'));
  if (match.port) report.error(`${path}.port`, portMistake(match.port));
  for (const mistake of labelMistakes(match.sourceLabels)) report.error(`${path}.sourceLabels`, mistake);
  checkGatewayNames(match.gateways, `${path}.gateways`, report);
  if (match.sourceNamespace && !isDnsLabel(match.sourceNamespace))
    report.error(`${path}.sourceNamespace`, `sourceNamespace match ${match.sourceNamespace} is invalid`);
}

/** `namespace/name`, `name`, or the old `name.namespace...`. What follows a name without namespace isn't looked at. */
export function checkGatewayNames(names: readonly string[] | undefined, path: string, report: Report): void {
  for (const [i, name] of (names ?? []).entries()) {
    const rulePath = `${path}[${i}]`;
    const slash = name.indexOf('/');
    if (slash < 0) {
      const [first = '', second] = name.split('.');
      if (second !== undefined)
        report.warn(
          rulePath,
          `using legacy gatewayName format ${quoted(name)}; prefer the <namespace>/<name> format: ${quoted(`${second}/${first}`)}`,
        );
      return report.error(rulePath, fqdnMistake(name));
    }
    const [namespace, gateway] = [name.slice(0, slash), name.slice(slash + 1)];
    if (namespace === '' || gateway === '') report.error(rulePath, 'config namespace and gateway name cannot be empty');
    if (!isDnsLabel(namespace)) report.error(rulePath, `invalid value for namespace: ${quoted(namespace)}`);
    if (!isDnsLabel(gateway)) report.error(rulePath, `invalid value for gateway name: ${quoted(gateway)}`);
  }
}

/** `requestMistake`: what is wrong with the name of a request header that is set or added. */
function checkHeaders(
  headers: Headers | undefined,
  { path, requestMistake }: { path: string; requestMistake: typeof requestHeaderMistake },
  report: Report,
): void {
  for (const [side, mistakeOf] of [
    ['request', requestMistake],
    ['response', otherHeaderMistake],
  ] as const) {
    const operations = headers?.[side];
    for (const verb of ['add', 'set'] as const) {
      for (const [name, value] of eachOf(operations?.[verb])) {
        report.error(`${path}.${side}.${verb}`, mistakeOf(name));
        report.error(`${path}.${side}.${verb}`, headerValueMistake(value));
      }
    }
    for (const [i, name] of (operations?.remove ?? []).entries())
      report.error(`${path}.${side}.remove[${i}]`, otherHeaderMistake(name));
  }
}

/** The authority may be rewritten in one place only. */
function authorityMistake(route: HTTPRoute): string | undefined {
  const request = route.headers?.request;
  const given = [...eachOf(request?.set), ...eachOf(request?.add)]
    .filter(([name]) => isAuthority(name))
    .map(([, value]) => value);
  const all = [route.rewrite?.authority ?? '', ...given];
  const i = all.findIndex((_, n) => n > 0 && all[n - 1] !== '');
  return i < 0
    ? undefined
    : `authority header cannot be set multiple times: have ${quoted(all[i - 1] ?? '')}, attempting to set ${quoted(all[i] ?? '')}`;
}

/** Where a rule sends to: weights of several must not all be zero. */
export function checkRouteDestinations(
  routes: readonly (HTTPRouteDestination | RouteDestination)[] | undefined,
  path: string,
  report: Report,
): void {
  for (const [i, { destination, weight = 0, ...rest }] of (routes ?? []).entries()) {
    if (!destination) report.error(`${path}[${i}]`, 'destination is required');
    if ('headers' in rest)
      checkHeaders(
        rest.headers as Headers | undefined,
        { path: `${path}[${i}].headers`, requestMistake: destinationHeaderMistake },
        report,
      );
    checkDestination(destination, `${path}[${i}].destination`, report);
    if (weight < 0) report.error(`${path}[${i}].weight`, `weight ${weight} < 0`);
  }
  if ((routes?.length ?? 0) > 1 && routes?.reduce((sum, { weight = 0 }) => sum + weight, 0) === 0)
    report.error(path, 'total destination weight = 0');
}
