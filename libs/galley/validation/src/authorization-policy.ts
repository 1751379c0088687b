import type { AuthorizationPolicy, AuthorizationRule, Meta } from '@flotilla/model';
import { maxUint32, parseUint } from '@flotilla/std';
import { isAddress } from '@flotilla/rules';
import { prefixMistake } from './ip.ts';
import { joined, Report } from './report.ts';
import { checkSelector } from './selector.ts';

type Source = NonNullable<NonNullable<AuthorizationRule['from']>[number]['source']>;
type Operation = NonNullable<NonNullable<AuthorizationRule['to']>[number]['operation']>;

const sourceFields = [
  'principals',
  'requestPrincipals',
  'namespaces',
  'ipBlocks',
  'remoteIpBlocks',
  'notPrincipals',
  'notRequestPrincipals',
  'notNamespaces',
  'notIpBlocks',
  'notRemoteIpBlocks',
] as const satisfies readonly (keyof Source)[];
const operationFields = [
  'ports',
  'methods',
  'paths',
  'hosts',
  'notPorts',
  'notMethods',
  'notPaths',
  'notHosts',
] as const satisfies readonly (keyof Operation)[];
const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** security.istio.io AuthorizationPolicy (Istio 1.19, ValidateAuthorizationPolicy). */
export function checkAuthorizationPolicy(spec: AuthorizationPolicy, meta: Meta, report: Report): void {
  // Each of its errors says which policy it is about.
  const ownReport = new Report();
  const { action = 'ALLOW', rules, provider } = spec;
  checkSelector(spec.selector, ownReport);
  if (action === 'CUSTOM') {
    if (!rules) ownReport.error('spec.rules', meaningless('CUSTOM'));
    else if (!provider?.name) ownReport.error('spec.provider.name', '`provider.name` must not be empty');
    for (const [i, rule] of (rules ?? []).entries()) checkCustomRule(rule, `spec.rules[${i}]`, ownReport);
  } else if (provider)
    ownReport.error('spec.provider', `\`provider\` must not be with non CUSTOM action, found ${action}`);
  if (action === 'DENY' && !rules) ownReport.error('spec.rules', meaningless('DENY'));
  for (const [i, rule] of (rules ?? []).entries()) {
    checkRule(rule, i, ownReport);
    if (action === 'DENY' && looksAtHttpOnly(rule)) {
      ownReport.warn(
        `spec.rules[${i}]`,
        'configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due to the use of only HTTP attributes in a DENY rule; it is recommended to explicitly specify the port',
      );
    }
  }
  for (const { level, path = '', message } of ownReport.problems) {
    if (level === 'error') report.error(path, `invalid policy ${meta.name}.${meta.namespace}: ${message}`);
    else report.warn(path, message);
  }
}

const meaningless = (action: string): string =>
  `${action} action without \`rules\` is meaningless as it will never be triggered, add an empty rule \`{}\` if you want it be triggered for every request`;

/** What an external authorizer cannot decide. */
function checkCustomRule(rule: AuthorizationRule, path: string, report: Report): void {
  for (const [i, { source }] of (rule.from ?? []).entries()) {
    for (const field of [
      'namespaces',
      'notNamespaces',
      'principals',
      'notPrincipals',
      'requestPrincipals',
      'notRequestPrincipals',
    ] as const) {
      if (source?.[field]?.length)
        report.error(
          `${path}.from[${i}].source.${field}`,
          `From.${capital(field)} is currently not supported with CUSTOM action`,
        );
    }
  }
  for (const [i, { key = '' }] of (rule.when ?? []).entries()) {
    if (key === 'source.namespace' || key === 'source.principal' || key.startsWith('request.auth.'))
      report.error(`${path}.when[${i}].key`, `${key} is currently not supported with CUSTOM action`);
  }
}

function checkRule(rule: AuthorizationRule, n: number, report: Report): void {
  const path = `spec.rules[${n}]`;
  for (const [i, { source }] of (rule.from ?? []).entries()) {
    const sourcePath = `${path}.from[${i}].source`;
    if (!source) report.error(sourcePath, `\`from.source\` must not be nil, found at rule ${n}`);
    else {
      if (sourceFields.every((field) => !source[field]?.length))
        report.error(sourcePath, `\`from.source\` must not be empty, found at rule ${n}`);
      for (const field of ['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks'] as const) {
        for (const mistake of addressMistakes(source[field])) report.error(`${sourcePath}.${field}`, mistake);
      }
      for (const field of sourceFields)
        report.error(`${sourcePath}.${field}`, emptyMistake(capital(field), source[field]));
    }
  }
  for (const [i, { operation }] of (rule.to ?? []).entries()) {
    const operationPath = `${path}.to[${i}].operation`;
    if (!operation) report.error(operationPath, `\`to.operation\` must not be nil, found at rule ${n}`);
    else {
      if (operationFields.every((field) => !operation[field]?.length))
        report.error(operationPath, `\`to.operation\` must not be empty, found at rule ${n}`);
      for (const field of ['ports', 'notPorts'] as const)
        for (const mistake of portMistakes(operation[field])) report.error(`${operationPath}.${field}`, mistake);
      for (const field of operationFields)
        report.error(`${operationPath}.${field}`, emptyMistake(capital(field), operation[field]));
    }
  }
  for (const [i, condition] of (rule.when ?? []).entries()) checkCondition(condition, `${path}.when[${i}]`, report);
}

/** True when nothing in a rule can be known of bytes: a DENY on it denies all bytes. */
function looksAtHttpOnly({ from = [], to = [] }: AuthorizationRule): boolean {
  const tcpFrom = from.some(({ source }) =>
    sourceFields.some((field) => !/RequestPrincipals$/i.test(field) && source?.[field] !== undefined),
  );
  const tcpTo = to.some(({ operation }) => operation?.ports !== undefined || operation?.notPorts !== undefined);
  const [hasFrom, hasTo] = [from.some(({ source }) => source), to.some(({ operation }) => operation)];
  return (hasFrom && !hasTo && !tcpFrom) || (hasTo && !tcpTo);
}

function checkCondition(
  { key = '', values, notValues }: NonNullable<AuthorizationRule['when']>[number],
  path: string,
  report: Report,
): void {
  if (key === '') return report.error(`${path}.key`, '`key` must not be empty');
  if (!values?.length && !notValues?.length)
    return report.error(path, `at least one of \`values\` or \`notValues\` must be set for key ${key}`);
  for (const [name, given] of [
    ['value', values],
    ['notValue', notValues],
  ] as const) {
    const mistake = attributeMistake(key, given);
    report.error(`${path}.${name}s`, mistake && `invalid \`${name}\` for \`key\` ${key}: ${mistake}`);
  }
}

const plainAttributes = new Set([
  'source.namespace',
  'source.principal',
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
  'connection.sni',
]);

function attributeMistake(key: string, values: readonly string[] | undefined): string | undefined {
  const empty = emptyMistake(key, values);
  if (empty !== undefined) return empty;
  if (
    ['request.headers', 'request.auth.claims', 'experimental.envoy.filters.'].some((prefix) => key.startsWith(prefix))
  ) {
    return /^[^[]+\[.+\]$/.test(key) ? undefined : `bad key (${key}): should have format a[b]`;
  }
  if (['source.ip', 'remote.ip', 'destination.ip'].includes(key)) return joined(addressMistakes(values));
  if (key === 'destination.port') return joined(portMistakes(values));
  if (plainAttributes.has(key)) return undefined;
  if (key === 'destination.namespace') return `attribute ${key} is replaced by the metadata.namespace`;
  if (key.startsWith('destination.labels')) return `attribute ${key} is replaced by the workload selector`;
  if (key === 'destination.name' || key === 'destination.user')
    return `deprecated attribute ${key}: only supported in v1alpha1`;
  return `unknown attribute: ${key}`;
}

const emptyMistake = (field: string, values: readonly string[] | undefined): string | undefined =>
  values?.includes('') ? `empty value not allowed, found in ${field}` : undefined;

const addressMistakes = (blocks: readonly string[] | undefined): string[] =>
  (blocks ?? []).flatMap((block) => {
    if (!block.includes('/')) return isAddress(block) ? [] : [`bad IP address (${block})`];
    const mistake = prefixMistake(block);
    return mistake === undefined ? [] : [`bad CIDR range (${block}): ${mistake}`];
  });

const portMistakes = (ports: readonly string[] | undefined): string[] =>
  (ports ?? []).flatMap((port) => {
    const number = parseUint(port, maxUint32);
    if (!number.ok) return [`bad port (${port}): ${number.error}`];
    return number.value > 65_535 ? [`bad port (${port}): <nil>`] : [];
  });
