import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import type { Claims } from '@flotilla/testing/token-mint';
import { expect, Skipped, table, type Attack } from '../../attack.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
type Headers = Readonly<Record<string, string>>;

/** An address of this machine that is not a loopback one: who connects from there is not in pilot's pod. */
function outsideAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4');
  if (!found) throw new Skipped('this machine has no address but loopback ones');
  return found.address;
}

/** The HTTP status of a guarded page for a caller from elsewhere. */
function visit(mesh: Mesh, path: string, headers: Headers): Promise<number> {
  const { host, port } = mesh.monitoring('pilot');
  return new Promise((resolve, reject) => {
    const options = { host, port, path, headers, agent: false, localAddress: outsideAddress() };
    const sent = request({ ...options, signal: AbortSignal.timeout(8000) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        mesh.answered(Buffer.concat(chunks).toString());
        resolve(response.statusCode ?? 0);
      });
    });
    sent.on('error', reject).end();
  });
}

const refused = (
  name: string,
  { status = 401, form, headers }: { status?: number; form?: Row['form']; headers(mesh: Mesh): Promise<Headers> },
): Row => ({
  name,
  describe: `what proxies have, requested from another machine: HTTP ${status}`,
  ...(form ? { form } : {}),
  run: async (mesh) => {
    for (const path of ['/debug/syncz', '/debug/config_dump?proxyID=a.b']) {
      const seen = await visit(mesh, path, await headers(mesh));
      expect(`HTTP ${status} for ${path}`, seen, seen === status);
    }
  },
});
const bearer = (claims: Claims, more: Headers = {}) => ({
  headers: async (mesh: Mesh) => ({ authorization: `Bearer ${await mesh.tokens.mint(claims)}`, ...more }),
});
const system = { namespace: 'istio-system', serviceAccount: 'admin' } as const;
const local = {
  'x-forwarded-for': '127.0.0.1',
  'x-real-ip': '127.0.0.1',
  forwarded: 'for=127.0.0.1',
  host: 'localhost',
};

/** Pages about proxies are for callers in pilot's pod, and for service accounts of the control plane. */
export const debugPages = table({ service: 'pilot', kind: 'debug pages' }, [
  refused('no proof', { headers: () => Promise.resolve({}), form: 'short' }),
  refused('a claim to be local', { headers: () => Promise.resolve(local), form: 'short' }),
  refused("a workload's token", { ...bearer({}), status: 403, form: 'short' }),
  refused("a workload's token and a claim to be local", { ...bearer({}, local), status: 403 }),
  refused('a token of another issuer', bearer({ ...system, issuer: 'https://issuer.test' })),
  refused('a token by another key', { ...bearer({ ...system, isForged: true }), form: 'short' }),
  refused('a token for another audience', bearer({ ...system, audience: 'api' })),
  refused('an expired token', { ...bearer({ ...system, expires: -3600 }), form: 'short' }),
  refused('a subject that contains the namespace', {
    ...bearer({ subject: 'system:serviceaccount:shop:istio-system', namespace: 'shop' }),
  }),
  refused('a token that can not be one', {
    headers: () => Promise.resolve({ authorization: `Bearer ${'x'.repeat(43)}` }),
  }),
  {
    name: 'a token of the control plane',
    describe:
      'the token of a service account in the namespace of the control plane: served, until too many are refused',
    form: 'short',
    run: async (mesh) => {
      const good = { authorization: `Bearer ${await mesh.tokens.mint(system)}` };
      const seen = await visit(mesh, '/debug/syncz', good);
      expect('HTTP 200', seen, seen === 200);
      const bad = Array.from({ length: 2000 }, (_, i) => ({ authorization: `Bearer a.${i}.c` }));
      const answers = new Set<number>();
      for (let i = 0; i < bad.length; i += 50)
        for (const status of await Promise.all(bad.slice(i, i + 50).map((one) => visit(mesh, '/debug/syncz', one))))
          answers.add(status);
      expect(
        '401 and 429 alone',
        [...answers].join(),
        [...answers].every((status) => [401, 429].includes(status)),
      );
      const again = await visit(mesh, '/debug/syncz', good);
      expect('HTTP 200 afterwards', again, again === 200);
    },
  },
]);
