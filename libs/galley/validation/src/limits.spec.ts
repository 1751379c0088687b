import { describe, expect, it } from 'vitest';
import { parseResource } from '@flotilla/model';
import { validate } from './index.ts';
import {
  durationMistake,
  fqdnMistake,
  isDnsLabel,
  labelMistakes,
  portMistake,
  wildcardDomainMistake,
} from './names.ts';
import { shortList } from './report.ts';

const groups = { WasmPlugin: 'extensions.istio.io/v1alpha1', default: 'networking.istio.io/v1beta1' };
/** What is said of a resource, without the path. */
function messages(kind: string, spec: unknown): string[] {
  const apiVersion = kind === 'WasmPlugin' ? groups.WasmPlugin : groups.default;
  const parsed = parseResource({ apiVersion, kind, metadata: { name: 'own', namespace: 'shop' }, spec });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return validate(parsed.value.resource).map(({ level, message }) => `${level}: ${message}`);
}
const text = (length: number): string => 'a'.repeat(length);
const name = (length: number): string =>
  `${'a.'.repeat(Math.floor((length - 1) / 2))}${text(length % 2 === 0 ? 2 : 1)}`;

describe('lengths of names', () => {
  it('a label of DNS has at most 63 characters, also behind a wildcard', () => {
    expect([63, 64].map((length) => isDnsLabel(text(length)))).toEqual([true, false]);
    expect([63, 64].map((length) => wildcardDomainMistake(text(length)) === undefined)).toEqual([true, false]);
    expect([61, 62].map((length) => wildcardDomainMistake(`*-${text(length)}`) === undefined)).toEqual([true, false]);
  });

  it('a name of DNS has at most 255 characters', () => {
    expect([name(255).length, name(256).length]).toEqual([255, 256]);
    expect(fqdnMistake(name(255))).toBeUndefined();
    expect(fqdnMistake(name(256))).toBe(`domain name "${name(256)}" too long (max 255)`);
  });

  it('the name of a label has at most 63 characters, and 253 before a slash; its value has any number', () => {
    const mistakes = (key: string, value = ''): number => labelMistakes({ [key]: value }).length;
    expect([mistakes(text(63)), mistakes(text(64))]).toEqual([0, 1]);
    expect([mistakes('a', text(64)), mistakes('a', `${text(64)}-`)]).toEqual([0, 1]);
    expect([mistakes(`${name(253)}/a`), mistakes(`${name(254)}/a`)]).toEqual([0, 1]);
    expect([mistakes('a.b_c/a'), mistakes('a_b.c/a'), mistakes('a.b-c/a.b_c-d')]).toEqual([1, 1, 0]);
  });

  it.each(['1', '+1', '-12', 'a.1', 'a.12'])('a name does not end with the number in %s', (host) =>
    expect(fqdnMistake(host)).toBe(
      `domain name "${host}" invalid (top level domain "${host.replace('a.', '')}" cannot be all-numeric)`,
    ),
  );
  it.each(['1a', 'a1', '1.a', 'a.b1', 'a.1b'])('%s is a name', (host) => expect(fqdnMistake(host)).toBeUndefined());
  it.each(['a.', '*.a.', '*.'])('%s may end with a dot', (host) => expect(wildcardDomainMistake(host)).toBeUndefined());
  it.each(['.', '.a', '*..a', '*.a..'])('%s has an empty label', (host) =>
    expect(wildcardDomainMistake(host)).toContain('invalid'),
  );

  it('a plugin has names of limited length', () => {
    const plugin = (rest: object): string[] => messages('WasmPlugin', { url: 'a', ...rest });
    const variable = (length: number): object => ({ vmConfig: { env: [{ name: text(length) }] } });
    expect(plugin({ imagePullSecret: text(253), pluginName: text(256), ...variable(256) })).toEqual([]);
    expect(plugin({ imagePullSecret: text(254), pluginName: text(257), ...variable(257) })).toEqual([
      'error: imagePullSecret field must be less than 253 characters long',
      'error: pluginName field must be less than 255 characters long',
      'error: env.name field must be less than 255 characters long',
    ]);
  });
});

describe('numbers', () => {
  it('ports are 1 to 65535', () => {
    expect([0, 1, 65_535, 65_536].map((port) => portMistake(port) === undefined)).toEqual([false, true, true, false]);
  });

  it('durations are whole milliseconds', () => {
    expect([0.001, 0.002, 1.001, 3600].map(durationMistake)).toEqual([undefined, undefined, undefined, undefined]);
    expect([0, 0.0009].map(durationMistake)).toEqual(Array(2).fill('duration must be greater than 1ms'));
    expect([0.0015, 1.0001].map(durationMistake)).toEqual(
      Array(2).fill('only durations to ms precision are supported'),
    );
  });

  it('a message names 50 things at most', () => {
    const names = Array.from({ length: 51 }, (_, i) => `n${i}`);
    expect(shortList(names.slice(0, 50), ' ')).toBe(names.slice(0, 50).join(' '));
    expect(shortList(names, ' ')).toBe(`${names.slice(0, 50).join(' ')} and 1 more`);
  });
});

describe('sizes', () => {
  const entry = (rest: object): string[] =>
    messages('ServiceEntry', { resolution: 'STATIC', ...rest }).filter((message) => message.includes('at most'));
  const hosts = (count: number): string[] => Array.from({ length: count }, (_, i) => `h${i}.test`);
  const addresses = (count: number): string[] => Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`);

  it('a ServiceEntry makes at most 20,000 services, one for each host and address', () => {
    expect(entry({ hosts: hosts(100), addresses: addresses(200) })).toEqual([]);
    expect(entry({ hosts: hosts(100), addresses: addresses(201) })).toEqual([
      'error: hosts and addresses make 20100 services; at most 20000 are allowed: split the service entry',
    ]);
    expect(entry({ hosts: hosts(20_001) })).toHaveLength(1);
  });

  it('a ServiceEntry makes at most 100,000 endpoints, one for each of a port', () => {
    const ports = Array.from({ length: 100 }, (_, i) => ({ number: i + 1, name: `p${i}`, protocol: 'HTTP' }));
    const endpoints = (count: number): object[] => addresses(count).map((address) => ({ address }));
    expect(entry({ hosts: hosts(1), ports, endpoints: endpoints(1000) })).toEqual([]);
    expect(entry({ hosts: hosts(1), ports, endpoints: endpoints(1001) })).toEqual([
      'error: endpoints and ports make 100100 endpoints; at most 100000 are allowed: split the service entry',
    ]);
  });

  it('a direct response is a warning from 100 KiB on, and refused from 1 MiB on', () => {
    const said = (body: object): string | undefined =>
      messages('VirtualService', { hosts: ['web'], http: [{ directResponse: { status: 200, body } }] })[0]?.slice(
        0,
        26,
      );
    // What counts is how many bytes the text has in UTF-8, or base64 stands for.
    const string = (pairs: number, singles = 0): object => ({ string: `${'é'.repeat(pairs)}${text(singles)}` });
    expect(
      [string(0, 102_400), string(51_200), string(51_200, 1), string(524_288), string(524_288, 1)].map(said),
    ).toEqual([
      undefined,
      undefined,
      'warning: large direct_resp',
      'warning: large direct_resp',
      'error: large direct_respon',
    ]);
    const bytes = (length: number): object => ({ bytes: Buffer.alloc(length).toString('base64') });
    expect([said(bytes(102_400)), said(bytes(102_401))]).toEqual([undefined, 'warning: large direct_resp']);
  });
});
