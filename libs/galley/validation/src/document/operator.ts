import { isRecord } from '@flotilla/std';

/** Docker's grammar of image names (distribution/reference), without digests. */
const namePart = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const domainPart = /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])$/;
const tag = /^\w[\w.-]{0,127}$/;
const digest = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const objectName = /^[a-z0-9.-]{1,254}$/;
const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * What an IstioOperator says that the installer would refuse, as far as it can be seen without the installer's own
 * configuration: hub, tag, revision and the names of gateways (operator/pkg/validate).
 */
export function operatorMistakes(spec: unknown): string[] {
  if (!isRecord(spec)) return [];
  const { hub, tag: version, revision, components } = spec;
  const gateways = (name: string): unknown[] => {
    const list = isRecord(components) ? components[name] : undefined;
    return Array.isArray(list) ? list : [];
  };
  const names = [
    ...gateways('ingressGateways').map((gateway) => ['Components.IngressGateways', gateway] as const),
    ...gateways('egressGateways').map((gateway) => ['Components.EgressGateways', gateway] as const),
  ];
  return [
    ...(typeof hub === 'string' && hub !== '' && !isReference(hub) ? [`invalid value Hub: ${hub}`] : []),
    ...(typeof version === 'string' && version !== '' && !tag.test(version) ? [`invalid value Tag: ${version}`] : []),
    ...(typeof revision === 'string' && revision !== '' && !label.test(revision)
      ? [`invalid revision specified: ${revision}`]
      : []),
    ...names.flatMap(([path, gateway]) => {
      if (!isRecord(gateway)) return ['badly formatted gateway configuration'];
      const name = typeof gateway['name'] === 'string' ? gateway['name'] : '';
      return name === '' || objectName.test(name) ? [] : [`invalid value ${path}: ${name}`];
    }),
  ];
}

/** Whether a text is an image's name, perhaps with its registry, a tag or a digest. */
function isReference(text: string): boolean {
  const [named = '', sum, ...more] = text.split('@');
  if (more.length > 0 || (sum !== undefined && !digest.test(sum))) return false;
  const slash = named.lastIndexOf('/');
  const colon = named.lastIndexOf(':');
  const hasTag = colon > slash;
  if (hasTag && !tag.test(named.slice(colon + 1))) return false;
  const parts = (hasTag ? named.slice(0, colon) : named).split('/');
  const [first = '', ...rest] = parts;
  return (namePart.test(first) || (rest.length > 0 && isDomain(first))) && rest.every((part) => namePart.test(part));
}
function isDomain(text: string): boolean {
  const [host = '', port, ...more] = text.split(':');
  return (
    more.length === 0 &&
    (port === undefined || /^\d+$/.test(port)) &&
    host.split('.').every((part) => domainPart.test(part))
  );
}
