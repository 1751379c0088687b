import { hash } from 'node:crypto';
import {
  parsePluggedIn,
  type PluggedInFault,
  type PluggedInMaterial,
  type SigningCa,
} from '@flotilla/citadel-authority';
import { resources, type KubeApi, type KubeObject, type WatchEvent } from '@flotilla/kube-port';
import type { Logger } from '@flotilla/observability-port';
import { err, isRecord, ok, stableStringify, systemClock, type Clock, type Result } from '@flotilla/std';

/** A CA certificate that another CA signed, in Istio's Secret ("Plug in CA Certificates"). */
export interface PluggedInCa {
  /**
   * Undefined without the Secret. Rejects with KubeError when the API server can't be reached or refuses, and with an
   * Error that names the field and the remedy when the Secret is there but is not valid: signing with another root
   * would split the mesh.
   */
  load(): Promise<SigningCa | undefined>;
  /** Warns when the Secret is no longer as it was loaded; runs until the signal aborts. */
  watch(log: Logger, signal: AbortSignal): Promise<void>;
}

/** Istio's name for the Secret, and its fields. */
const secretName = 'cacerts';
type Fields = Readonly<Record<keyof PluggedInMaterial, string>>;
const istioFields: Fields = { cert: 'ca-cert.pem', key: 'ca-key.pem', chain: 'cert-chain.pem', roots: 'root-cert.pem' };
/** Those of a Secret of type `kubernetes.io/tls`, as cert-manager writes it: `tls.crt` has the chain too. */
const tlsFields: Fields = { cert: 'tls.crt', key: 'tls.key', chain: 'tls.crt', roots: 'ca.crt' };

/**
 * The CA in the Secret `cacerts` of the system namespace. As in Istio, a field `tls.crt` says which names the fields
 * have.
 */
export function createPluggedInCa(api: KubeApi, systemNamespace: string, clock: Clock = systemClock): PluggedInCa {
  const name = { namespace: systemNamespace, name: secretName };
  const secret = `${systemNamespace}/${secretName}`;
  let loaded = absent;
  return {
    async load() {
      const found = await api.get(resources.secrets, name);
      loaded = contentOf(found);
      if (!found) return undefined;
      const ca = readCa(found, clock.now());
      if (ca.ok) return ca.value;
      throw new Error(
        `Secret ${secret}: ${ca.error}. Citadel does not start with another root instead: correct the Secret (Istio's documentation, "Plug in CA Certificates"), or delete it if the root is to be citadel's own`,
      );
    },
    async watch(log, signal) {
      const report = createReports(log.scope('serverca'), { secret, clock, loaded });
      const selection = { namespace: systemNamespace, fieldSelector: `metadata.name=${secretName}` };
      for await (const events of api.watch(resources.secrets, selection, signal)) events.forEach(report);
    },
  };
}

const absent = 'absent';

/** Distinguishes contents, without keeping them: one of them is a key. */
const contentOf = (secret: KubeObject | undefined): string =>
  secret ? hash('sha256', stableStringify(dataOf(secret)), 'hex') : absent;

const dataOf = ({ data }: KubeObject): Readonly<Record<string, unknown>> => (isRecord(data) ? data : {});

/** Logs each content once, unless it is the one that was loaded. */
function createReports(
  log: Logger,
  { secret, clock, loaded }: { readonly secret: string; readonly clock: Clock; readonly loaded: string },
): (event: WatchEvent) => void {
  let reported = loaded;
  let isFound = false;
  const see = (found: KubeObject | undefined): void => {
    const content = contentOf(found);
    if (content === reported) return;
    reported = content;
    if (content === loaded) return log.info('the plugged-in CA certificate matches the one in use again', { secret });
    if (!found)
      return log.warn(
        'the plugged-in CA certificate was deleted: citadel signs with it until it is restarted, and then with its own root, which nobody trusts yet; restore the Secret',
        { secret },
      );
    const ca = readCa(found, clock.now());
    if (ca.ok)
      return log.warn(
        'the plugged-in CA certificate changed: citadel signs as before until all its replicas are restarted',
        { secret },
      );
    log.error(
      'the plugged-in CA certificate changed and is not valid: citadel signs as before, and would not start again; correct the Secret',
      { secret, problem: ca.error },
    );
  };
  return (event) => {
    if (event.type === 'listing') isFound = false;
    else if (event.type === 'found') {
      isFound = true;
      see(event.object);
    } else if (event.type === 'gone' || (event.type === 'synced' && !isFound)) see(undefined);
  };
}

/** Fails with the name of the field and what is wrong with it. */
function readCa(secret: KubeObject, now: number): Result<SigningCa> {
  const data = dataOf(secret);
  const fields = data[tlsFields.cert] === undefined ? istioFields : tlsFields;
  const missing = Object.values(fields).find((field) => typeof data[field] !== 'string');
  if (missing !== undefined) return err(`it has no ${missing}`);
  const read = (field: string): string => Buffer.from(String(data[field]), 'base64').toString('utf8');
  const ca = parsePluggedIn(
    {
      cert: read(fields.cert),
      key: read(fields.key),
      chain: fields.chain === fields.cert ? '' : read(fields.chain),
      roots: read(fields.roots),
    },
    now,
  );
  return ca.ok ? ok(ca.value) : err(describe(ca.error, fields));
}

const describe = ({ part, problem }: PluggedInFault, fields: Fields): string => `${fields[part]}: ${problem}`;
