import { Client, credentials, status } from '@grpc/grpc-js';
import { serverNamed } from '@flotilla/grpc';
import type { KeyAndCertificate } from '@flotilla/pki';
import { flotilla } from '@flotilla/proto-gen/credentials';
import { table, type Attack } from '../../attack.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { refusal } from './refusal.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const { WatchRequest } = flotilla.credentials.v1;

/** Opens the stream by which pilot gets credentials; resolves with the first message. */
function watch(mesh: Mesh, certificate: KeyAndCertificate | undefined): Promise<Buffer> {
  const tls = credentials.createSsl(
    Buffer.from(mesh.roots),
    certificate ? Buffer.from(certificate.key) : null,
    certificate ? Buffer.from(certificate.cert) : null,
    { checkServerIdentity: () => undefined },
  );
  const client = new Client(mesh.address('ca'), tls, serverNamed('istio-citadel.istio-system.svc'));
  mesh.onClose(() => client.close());
  const stream = client.makeBidiStreamRequest(
    '/flotilla.credentials.v1.Credentials/Watch',
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
  );
  mesh.onClose(() => stream.cancel());
  stream.write(Buffer.from(WatchRequest.encode({}).finish()));
  stream.end();
  return new Promise((resolve, reject) => {
    stream
      .once('data', resolve)
      .once('error', reject)
      .once('end', () => reject(Object.assign(new Error('ended'), { code: status.OK, details: 'ended' })));
  });
}
const refused = (name: string, account: readonly [string, string] | undefined, more: Partial<Row> = {}): Row => ({
  name,
  describe: 'the credentials stream: PERMISSION_DENIED or UNIMPLEMENTED',
  run: async (mesh) =>
    refusal(mesh, watch(mesh, account && (await mesh.certificate(...account))), [
      status.PERMISSION_DENIED,
      status.UNAUTHENTICATED,
      status.UNIMPLEMENTED,
    ]),
  ...more,
});

/** Who asks citadel for the keys that pilot may have. */
export const credentialStreams = table({ service: 'citadel', kind: 'credentials' }, [
  refused('a workload', ['shop', 'web'], { form: 'short' }),
  refused('a workload named pilot', ['shop', 'pilot']),
  refused("galley's service account", ['istio-system', 'galley']),
  refused('a client without identity', undefined),
]);
