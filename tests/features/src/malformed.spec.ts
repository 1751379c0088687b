import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { createGalley } from '@flotilla/galley-service';
import { createFileSource } from '@flotilla/galley-file-source';
import { collections, type AnyResource, type Batch } from '@flotilla/model';
import { noObservability, type Fields, type Logger } from '@flotilla/observability-port';

const header = (kind: string, name: string, group = 'networking.istio.io/v1beta1'): string =>
  `apiVersion: ${group}\nkind: ${kind}\nmetadata: {name: ${name}, namespace: shop}\n`;
const entry = (name: string, host: string): string =>
  `${header('ServiceEntry', name)}spec: {hosts: [${host}], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 10.0.0.1}]}\n`;
const service = (rest: string): string => `${header('Service', 'own', 'v1')}spec: ${rest}\n`;
const route = (name: string, rest: string): string => `${header('VirtualService', name)}spec: ${rest}\n`;

interface Malformed {
  readonly what: string;
  readonly file: string | Uint8Array;
  readonly says: RegExp;
  readonly level?: 'warn';
  readonly inForce?: string;
}

/** Inputs that are wrong, each in its own way, and the one thing that is said of each. */
const inputs: readonly Malformed[] = [
  {
    what: 'YAML with broken indentation',
    file: `${header('Gateway', 'own')}spec:\n  servers:\n - hosts: [a.test]\n`,
    says: /at line \d+, column \d+/,
  },
  { what: 'a bracket that is never closed', file: 'a: [1, 2\n', says: /at line \d+/ },
  { what: 'a tab as indentation', file: 'spec:\n\thosts: 1\n', says: /[Tt]abs? .*at line 2/ },
  {
    what: 'a key given twice',
    file: `${route('own', '{hosts: [web], hosts: [api]}')}`,
    says: /^Map keys must be unique: hosts is given twice at line 4, column \d+$/,
  },
  { what: 'JSON that ends early', file: '{"apiVersion": "v1", "kind": "Service"', says: /at line/ },
  {
    what: 'aliases that grow without end',
    file: [
      'a: &a [x, x, x, x, x, x, x, x, x, x]',
      ...['b', 'c', 'd', 'e', 'f', 'g'].map(
        (name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdef'[i]}`).join(', ')}]`,
      ),
    ].join('\n'),
    says: /^more than \d+ nodes from aliases at line 6: write values out$/,
  },
  {
    what: 'brackets without end',
    file: '['.repeat(1_000_000),
    says: /^more than 100 levels of nesting at line 1: nest it less deeply$/,
  },
  {
    what: 'documents without end',
    file: '---\n'.repeat(1_000_000),
    says: /^more than 20000 documents at line 20001: split it into several files$/,
  },
  {
    what: 'a text that is no object',
    file: 'just a line of text\n',
    says: /^expected a Kubernetes object with apiVersion, kind and metadata$/,
  },
  {
    what: 'no kind',
    file: 'apiVersion: v1\nmetadata: {name: own}\n',
    says: /every object names its apiVersion and kind/,
  },
  {
    what: 'an unknown kind',
    file: `${header('VirtualServise', 'own')}spec: {}\n`,
    says: /^unknown kind VirtualServise of networking\.istio\.io\/v1beta1; did you mean VirtualService\?$/,
  },
  {
    what: 'an unknown group',
    file: `${header('VirtualService', 'own', 'network.istio.io/v1beta1')}spec: {}\n`,
    says: /^unknown group network\.istio\.io; did you mean networking\.istio\.io\?$/,
  },
  {
    what: 'a kind that is planned',
    file: `${header('HTTPRoute', 'own', 'gateway.networking.k8s.io/v1')}spec: {}\n`,
    says: /^HTTPRoute is not supported yet and has no effect$/,
    level: 'warn',
  },
  {
    what: 'an Ingress',
    file: `${header('Ingress', 'own', 'networking.k8s.io/v1')}spec: {}\n`,
    says: /^Ingress is not supported yet and has no effect$/,
    level: 'warn',
  },
  {
    what: 'an EnvoyFilter',
    file: `${header('EnvoyFilter', 'own', 'networking.istio.io/v1alpha3')}spec: {configPatches: []}\n`,
    says: /^EnvoyFilter is not supported yet and has no effect$/,
    level: 'warn',
    inForce: 'envoy-filters shop/own',
  },
  {
    what: 'an unknown version',
    file: `${header('VirtualService', 'own', 'networking.istio.io/v9')}spec: {}\n`,
    says: /no version v9 .*use v1beta1 or v1alpha3/,
  },
  {
    what: 'no name',
    file: 'apiVersion: v1\nkind: Service\nmetadata: {namespace: shop}\nspec: {}\n',
    says: /^expected a name$/,
  },
  {
    what: 'a name that can be none',
    file: `${header('Gateway', '"Not A Name"')}spec: {}\n`,
    says: /"Not A Name" is not a valid name/,
  },
  { what: 'text where a list belongs', file: route('own', '{hosts: web}'), says: /^expected a list, found "web"$/ },
  { what: 'a number where text belongs', file: route('own', '{hosts: [1]}'), says: /^expected text, found 1$/ },
  {
    what: 'a duration that is none',
    file: route('own', '{hosts: [web.test], http: [{timeout: soon, directResponse: {status: 200}}]}'),
    says: /^expected a duration such as 1\.5s, found "soon"$/,
  },
  {
    what: "an enum's name that is none",
    file: `${header('PeerAuthentication', 'own', 'security.istio.io/v1beta1')}spec: {mtls: {mode: VERY_STRICT}}\n`,
    says: /^expected one of UNSET, DISABLE, PERMISSIVE, STRICT, found "VERY_STRICT"$/,
  },
  { what: 'ports of a Service that are no list', file: service('{ports: 80}'), says: /^expected a list, found 80$/ },
  {
    what: "a rule that Istio's webhook refuses",
    file: `${header('Gateway', 'own')}spec: {}\n`,
    says: /^gateway must have at least one server$/,
  },
  {
    what: 'a file of 5 MB',
    file: `# ${'x'.repeat(5 << 20)}`,
    says: /^the file has \d+ bytes, more than 4194304; split it$/,
  },
  {
    what: 'bytes that are no UTF-8',
    file: Uint8Array.from([...new TextEncoder().encode('a: '), 0xc3, 0x28]),
    says: /^the file is not UTF-8; save it in that encoding$/,
  },
  {
    what: 'a resource that another file has',
    file: entry('good', 'other.test'),
    says: /^service-entries shop\/good is already in .*good\.yaml:1, which applies; remove one of them$/,
  },
  {
    what: 'an unknown field',
    file: route('own', '{hosts: [good.test], htp: [], http: [{directResponse: {status: 200}}]}'),
    says: /^unknown field "htp" is ignored$/,
    level: 'warn',
    inForce: 'virtual-services shop/own',
  },
  {
    what: 'a host that is nowhere',
    file: route('own', '{hosts: [good.test], http: [{route: [{destination: {host: nowhere.test}}]}]}'),
    says: /^Referenced host not found: "nowhere\.test"; create it or correct the name$/,
    level: 'warn',
    inForce: 'virtual-services shop/own',
  },
  {
    what: 'a gateway that is nowhere',
    file: route(
      'own',
      '{hosts: [good.test], gateways: [nowhere], http: [{route: [{destination: {host: good.test}}]}]}',
    ),
    says: /^Referenced gateway not found: "nowhere"; create it or correct the name$/,
    level: 'warn',
    inForce: 'virtual-services shop/own',
  },
];

const nameOf = (collection: string, { namespace, name }: { namespace: string; name: string }): string =>
  `${collection} ${namespace}/${name}`;

/**
 * A folder, galley and the bus; what is in force as a subscriber sees it, and every line of the log but those about
 * what was published.
 */
class Rig {
  readonly dir = mkdtempSync(join(tmpdir(), 'flotilla-malformed-'));
  readonly stop = new AbortController();
  readonly bus = createInProcessBus();
  readonly log: { readonly level: string; readonly message: string; readonly fields: Fields }[] = [];
  readonly inForce = new Map<string, AnyResource>();
  readonly #logger: Logger = {
    debug: () => {},
    info: (message, fields) => this.#write('info', message, fields),
    warn: (message, fields) => this.#write('warn', message, fields),
    error: (message, fields) => this.#write('error', message, fields),
    scope: () => this.#logger,
    with: () => this.#logger,
  };
  readonly galley = createGalley({
    sources: [createFileSource([this.dir])],
    publisher: this.bus,
    observability: { ...noObservability, log: this.#logger },
    signal: this.stop.signal,
  });
  #batches: AsyncIterator<Batch> | undefined;
  #running: Promise<void> | undefined;
  readonly #waiting: (() => void)[] = [];

  #write(level: string, message: string, fields: Fields = {}): void {
    if (message !== 'configuration published') this.log.push({ level, message, fields });
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Waits for so many lines of the log. */
  async logged(count: number): Promise<void> {
    while (this.log.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Waits for a line of the log. */
  async loggedLine(says: RegExp): Promise<void> {
    while (!this.log.some(({ message }) => says.test(message)))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  put(name: string, file: string | Uint8Array): void {
    writeFileSync(join(this.dir, `.${name}.tmp`), file);
    renameSync(join(this.dir, `.${name}.tmp`), join(this.dir, name));
  }

  async start(): Promise<void> {
    this.#running = this.galley.run();
    await this.galley.ready;
    this.#batches = this.bus.subscribe(collections, this.stop.signal)[Symbol.asyncIterator]();
    for (let complete = 0; complete < collections.length;) complete += (await this.next()).complete.length;
  }

  async next(): Promise<Batch> {
    const { value } = (await this.#batches?.next()) as { value: Batch };
    for (const { resource } of value.put) this.inForce.set(nameOf(resource.collection, resource.meta), resource);
    for (const { collection, key } of value.delete) this.inForce.delete(nameOf(collection, key));
    return value;
  }

  /** Changes a good file and waits until the bus has it: whatever else is in the folder, changes flow. */
  async changeFlows(host: string): Promise<void> {
    this.put('good.yaml', entry('good', host));
    const hosts = (): unknown =>
      (this.inForce.get('service-entries shop/good')?.spec as { readonly hosts?: readonly string[] } | undefined)
        ?.hosts;
    while (JSON.stringify(hosts()) !== JSON.stringify([host])) await this.next();
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.#running;
  }
}

describe('malformed inputs', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
    rig.put('good.yaml', entry('good', 'good.test'));
  });
  afterEach(() => rig.close());

  it.each(inputs)('one clear message for $what, and changes flow', async ({ file, says, level = 'error', inForce }) => {
    rig.put('wrong.yaml', file);
    await rig.start();
    expect(rig.log).toEqual([
      {
        level,
        message: expect.stringMatching(says) as string,
        fields: expect.objectContaining({ origin: expect.stringContaining('wrong.yaml') as string }) as Fields,
      },
    ]);
    expect([...rig.inForce.keys()].sort()).toEqual(
      ['mesh-config /istio', 'service-entries shop/good', ...(inForce ? [inForce] : [])].sort(),
    );
    await rig.changeFlows('good.test.');
    expect(rig.log.filter(({ message }) => says.test(message))).toHaveLength(1);
  });

  it('says each of all of them once, when all are there together', async () => {
    await rig.start();
    for (const [i, { file }] of inputs.entries())
      rig.put(`wrong-${i}.yaml`, typeof file === 'string' ? file.replace('name: own', `name: own-${i}`) : file);
    await rig.changeFlows('all.test');
    // Large files are read beside the others, so their problems may come later.
    for (const { says } of inputs) await rig.loggedLine(says);
    const lines = rig.log.map(({ message, fields }) => JSON.stringify([message, fields['origin']]));
    expect(new Set(lines).size).toBe(lines.length);
  });

  it('keeps the last good version while a file is broken, and takes it away with the file', async () => {
    rig.put('own.yaml', entry('own', 'own.test'));
    await rig.start();
    const broken = [
      'a: [1',
      `${header('ServiceEntry', 'own')}spec: {hosts: []}\n`,
      `${header('ServiceEntry', 'own')}spec: {hosts: own.test}\n`,
      '['.repeat(1000),
      `a:\n${'- '.repeat(200_000)}`,
      `${entry('own', 'other.test')}---\n${Array.from({ length: 20_000 }, (_, i) => `a${i}: &a${i} [*a${i - 1}]\n`).join('')}`.replace(
        '*a-1',
        'x',
      ),
    ];
    for (const [i, file] of broken.entries()) {
      rig.put('own.yaml', file);
      await rig.changeFlows(`while-${i}.test`);
      await rig.logged(i + 1);
      if (i < broken.length - 1)
        expect(rig.inForce.get('service-entries shop/own')?.spec).toMatchObject({ hosts: ['own.test'] });
    }
    expect(rig.log).toHaveLength(broken.length);
    // A document that is good is in force, whatever is wrong with those after it.
    while (!JSON.stringify(rig.inForce.get('service-entries shop/own')).includes('"other.test"')) await rig.next();
    rmSync(join(rig.dir, 'own.yaml'));
    while (rig.inForce.has('service-entries shop/own')) await rig.next();
    expect(rig.galley.problems()).toEqual([]);
  });
});
