import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { rootsSuffix } from '@flotilla/model';
import { openPilot, secretType, type Rig } from './secrets.fixture.ts';

const account = 'shop/gateway';
const listenerType = 'type.googleapis.com/envoy.config.listener.v3.Listener';
const name = (secret: string): string => `kubernetes://${secret}`;
const missing = (path: string, secret: string): string =>
  `warning spec.${path}: Referenced credentialName not found: "${secret}"; create it or correct the name`;
const credential = { certificate: Buffer.from('certificate'), key: Buffer.from('key') };

let config: string;
let rig: Rig | undefined;
beforeEach(() => void (config = mkdtempSync(join(tmpdir(), 'unserved-'))));
afterEach(() => rig?.close());

function write(text: string): void {
  writeFileSync(join(config, '.new'), text);
  renameSync(join(config, '.new'), join(config, 'mesh.yaml'));
}
/** A Gateway with a server for each credential; `MUTUAL NAME` verifies clients. */
const gateway = (...credentials: readonly string[]): string => `
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  selector: {istio: gateway}
  servers:
${credentials
  .map((text, i) => {
    const [secret, mode = 'SIMPLE'] = text.split(' ').reverse();
    return `  - {port: {number: ${8443 + i}, name: https-${i}, protocol: HTTPS}, hosts: [a.test], tls: {mode: ${mode}, credentialName: ${secret}}}`;
  })
  .join('\n')}
`;

async function open(readers: readonly string[]): Promise<Rig> {
  rig = await openPilot({ readers, config });
  return rig;
}

describe.each(['sotw', 'delta'] as const)('a credential that proxies do not get (%s)', (variant) => {
  const connect = async (...secrets: readonly string[]): Promise<void> => {
    const stream = await rig?.connect({
      account,
      variant,
      type: 'router',
      namespace: 'shop',
      metadata: { LABELS: { istio: 'gateway' } },
    });
    stream?.ask(listenerType, []);
    await stream?.has(listenerType, '0.0.0.0_8443');
    if (secrets.length > 0) stream?.ask(secretType, secrets.map(name));
  };

  it('is a problem of the Gateway that names it, until there is one', async () => {
    write(gateway('there', 'missing', 'MUTUAL mutual'));
    const { give, untilProblems } = await open([account]);
    give({
      put: new Map([
        ['shop/there', credential],
        ['shop/mutual', credential],
      ]),
    });
    await connect('there', 'missing', 'mutual', `mutual${rootsSuffix}`);
    const roots = missing('servers[2].tls.credentialName', `mutual${rootsSuffix}`);
    await untilProblems([missing('servers[1].tls.credentialName', 'missing'), roots]);
    give({ put: new Map([['shop/missing', credential]]) });
    await untilProblems([roots]);
    write(gateway('there'));
    await untilProblems([]);
    give({ delete: ['shop/there'] });
    await untilProblems([missing('servers[0].tls.credentialName', 'there')]);
  });

  it('is told apart when the service account may have none', async () => {
    write(gateway('secret', 'other/secret'));
    const { give, untilProblems } = await open([]);
    give({ put: new Map([['shop/secret', credential]]) });
    await connect('secret', 'other/secret');
    const refusal =
      'warning spec.servers[1].tls.credentialName: The proxies do not get the credential "other/secret": ';
    await untilProblems([
      'warning spec.servers[0].tls.credentialName: The proxies do not get the credential "secret": their service account may not have credentials: let it list Secrets of its namespace, or without a cluster add it to --credential-reader of citadel',
      `${refusal}it is in another namespace than they are: copy it to theirs, and name it without a namespace`,
    ]);
  });

  it('is no problem where no proxy requests it', async () => {
    write(gateway('missing'));
    const { untilProblems } = await open([account]);
    await connect();
    await untilProblems([]);
    write(gateway('other') + '---\nkind: Odd\napiVersion: networking.istio.io/v1beta1\nmetadata: {name: a}\n');
    await untilProblems(['error kind: unknown kind Odd of networking.istio.io/v1beta1']);
  });
});
