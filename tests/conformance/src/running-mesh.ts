import { readSecret, secretsIn } from '@flotilla/citadel-credentials';
import { FilePipeline } from '@flotilla/galley-pipeline';
import { keyOf, type Batch, type Credential } from '@flotilla/model';
import { createWorldStore, credentialChanges, worldChanges } from '@flotilla/pilot-world';
import type { XdsResource } from '@flotilla/pilot-xds';
import { Engine, type Change, type ListWatch, type MemberList, type Watch } from '@flotilla/query';
import { messageOf } from '@flotilla/std';
import type { Scenario } from '@flotilla/tool-parity';
import { connect } from './connect.ts';

const brokenFile = 'broken.yaml';

/** Why a result failed, or a part or source of it; nothing for one that did not. */
function failuresOf({ query, key, outcome }: Watch): readonly string[] {
  const text = (error: unknown): string =>
    `${query.name} ${String(key)}: ${messageOf(error)} ${(error as Error).stack?.split('\n').slice(0, 4).join(' ')}`;
  if ('error' in outcome) return [text(outcome.error)];
  const value = outcome.value as Partial<MemberList & XdsResource> | undefined;
  return [...(value?.failed ?? []), ...(value?.parts?.failed ?? [])].map(({ error }) => text(error));
}

/** Galley, citadel's reading of Secrets, the World and the queries of a scenario, with its proxies connected. */
export class RunningMesh {
  readonly #pipeline = new FilePipeline('healthy');
  readonly #engine = new Engine(createWorldStore());
  readonly #credentials: Scenario['credentials'];
  readonly #connected: readonly ReturnType<typeof connect>[];
  readonly #indexFailures: string[] = [];
  #broken: { readonly key: string; readonly credential: Credential } | undefined;

  /** `broken` is there before anything else; the proxies ask for what those of the healthy mesh do. */
  constructor(
    { files, credentials, proxies }: Scenario,
    { broken, healthy }: { readonly broken?: object; readonly healthy?: RunningMesh } = {},
  ) {
    this.#credentials = credentials;
    this.#engine.store.onIndexFailure = ({ collection, key, error }) =>
      this.#indexFailures.push(`${collection} ${String(key)}: ${messageOf(error)}`);
    if (broken) this.#indexFailures.push(...this.put(broken).failures);
    this.#engine.apply(changesOf(this.#pipeline.apply(files)));
    this.#connected = proxies.map((proxy, i) => connect(this.#engine, proxy, healthy?.asked(i)));
    const put = new Map([
      ...credentials,
      ...(this.#broken ? [[this.#broken.key, this.#broken.credential] as const] : []),
    ]);
    this.#apply(credentialChanges({ put, delete: [] }));
  }

  /** What a proxy asks for. */
  asked(proxy: number): ReturnType<typeof connect>['asked'] | undefined {
    return this.#connected[proxy]?.asked;
  }

  /** All that fails now. */
  get failures(): readonly string[] {
    return [...this.#indexFailures, ...[...this.#engine.watches()].flatMap(failuresOf)];
  }

  /** The versions of everything that each proxy is sent. */
  output(): readonly (readonly string[])[] {
    return this.#connected.map(({ lists }) =>
      lists.flatMap(({ members }) =>
        members.map(({ member, watch: { outcome } }) => {
          const resource = 'value' in outcome ? (outcome.value as XdsResource | undefined) : undefined;
          return `${member.name} ${resource?.version}`;
        }),
      ),
    );
  }

  /** Adds a broken object, which takes the place of the healthy one if it is accepted; what fails because of it. */
  put(object: object): { readonly isRefused: boolean; readonly failures: readonly string[] } {
    const secrets = secretsIn(object).map(readSecret);
    if (secrets.length > 0) {
      const [secret] = secrets;
      if (!secret?.read?.ok) return { isRefused: true, failures: [] };
      this.#broken = { key: secret.key, credential: secret.read.value };
      return { isRefused: false, failures: this.#give(secret.key, secret.read.value) };
    }
    // The first file by path wins.
    const batch = this.#pipeline.apply([{ path: brokenFile, documents: [{ index: 1, value: object }] }]);
    const isRefused = this.#pipeline.problems.some(
      ({ origin, level }) => origin?.startsWith(brokenFile) && level === 'error',
    );
    // A ConfigMap holds the mesh's configuration and its networks, of which one may be accepted without the other.
    const isHalfAccepted = (object as { kind?: unknown }).kind === 'ConfigMap' && batch.put.length > 0;
    return { isRefused: isRefused && !isHalfAccepted, failures: this.#apply(changesOf(batch)) };
  }

  /** Takes the broken object away; what fails then. */
  heal(): readonly string[] {
    const broken = this.#broken;
    this.#broken = undefined;
    if (broken) return this.#give(broken.key, this.#credentials.get(broken.key));
    return this.#apply(changesOf(this.#pipeline.apply([{ path: brokenFile }])));
  }

  #give(key: string, credential: Credential | undefined): readonly string[] {
    const put = new Map(credential ? [[key, credential]] : []);
    return this.#apply(credentialChanges({ put, delete: credential ? [] : [key] }));
  }

  #apply(changes: readonly Change[]): readonly string[] {
    const changed = this.#engine.apply(changes);
    const lists = new Set<ListWatch>();
    for (const watch of changed) {
      const { list } = watch;
      if (list?.note(watch)) lists.add(list);
    }
    this.#engine.collect();
    const named = [...lists].flatMap(({ members }) => members.map(({ watch }) => watch));
    return [...this.#indexFailures.splice(0), ...[...changed, ...named].flatMap(failuresOf)];
  }
}

const changesOf = (batch: Batch): Change[] => [
  ...batch.put.flatMap(({ resource }) => worldChanges(resource.collection, keyOf(resource.meta), resource)),
  ...batch.delete.flatMap(({ collection, key }) => worldChanges(collection, key)),
];
