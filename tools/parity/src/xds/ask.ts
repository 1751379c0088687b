import { Client, credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { serverNamed } from '@flotilla/grpc';
import { typeUrls, type XdsKind } from '@flotilla/pilot-xds';
import type { KeyAndCertificate } from '@flotilla/pki';
import { envoy } from '@flotilla/proto-gen/discovery';
import { struct } from '@flotilla/proto-gen/envoy';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import { AsyncQueue } from '@flotilla/std';
import { endpointNames, plain, referencesIn, routesOf, secretNames } from '@flotilla/tool-proxy';
import type { ScenarioProxy } from './scenario.ts';

const { DiscoveryRequest, DiscoveryResponse } = envoy.service.discovery.v3;
type Response = InstanceType<typeof DiscoveryResponse>;
type Fields = Parameters<typeof DiscoveryRequest.encode>[0];
export type Answer = Partial<Record<XdsKind, Json[]>>;
/** A proxy's stream to pilot, one question at a time. Rejects with what ended the stream. */
function openStream(address: string, { key, cert, roots }: KeyAndCertificate) {
  const client = new Client(address, credentials.createSsl(Buffer.from(roots), Buffer.from(key), Buffer.from(cert)), {
    ...serverNamed('localhost'),
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  });
  const stream: ClientDuplexStream<Fields, Response> = client.makeBidiStreamRequest(
    '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
    (request: Fields) => Buffer.from(DiscoveryRequest.encode(request).finish()),
    (bytes: Buffer) => DiscoveryResponse.decode(bytes),
  );
  const responses = new AsyncQueue<Response>();
  stream.on('data', (response: Response) => responses.push(response)).on('error', (error) => responses.fail(error));
  const next = async (): Promise<Response> => (await responses.next()).value as Response;
  const jsonOf = ({ resources, typeUrl }: Response): Json[] =>
    resources.map(({ value: bytes }) => toJson(typeUrl, bytes ?? new Uint8Array()));
  return {
    async ask(request: Fields): Promise<Json[]> {
      stream.write(request);
      return jsonOf(await next());
    },
    /** Asks and gives all that comes until `barrier`, which is asked after it, is answered. */
    async askUntil(barrier: Fields, request: Fields): Promise<{ readonly asked: Json[]; readonly barrier: Json[] }> {
      stream.write(request);
      const asked = jsonOf(await next());
      stream.write(barrier);
      for (let response = await next(); ; response = await next()) {
        if (response.typeUrl === barrier.typeUrl) return { asked, barrier: jsonOf(response) };
        asked.push(...jsonOf(response));
      }
    },
    close(): void {
      stream.cancel();
      client.close();
    },
  };
}

/**
 * Requests what a proxy of the scenario requests, in its order (the corpus' README): CDS, EDS, LDS, RDS, ECDS, SDS,
 * NDS. A request without an answer has no entry.
 */
export async function askAll(address: string, proxy: ScenarioProxy, certificate: KeyAndCertificate): Promise<Answer> {
  const { id, cluster, metadata, locality } = proxy.node;
  const stream = openStream(address, certificate);
  let node: Fields['node'] | undefined = { id, cluster, metadata: struct(metadata), ...(locality ? { locality } : {}) };
  const ask = (kind: XdsKind, resourceNames: string[] = []): Promise<Json[]> => {
    const asked = stream.ask({ typeUrl: typeUrls[kind], resourceNames, ...(node ? { node } : {}) });
    node = undefined;
    return asked;
  };
  const named = (kind: XdsKind, names: Iterable<string>): Promise<Json[]> => {
    const wanted = [...new Set(names)];
    return wanted.length === 0 ? Promise.resolve([]) : ask(kind, wanted);
  };
  try {
    const cds = await ask('cds');
    const eds = await named('eds', endpointNames(cds));
    const lds = await ask('lds');
    const references = referencesIn(lds);
    const rds = await named('rds', routesOf(references));
    const ecds = await named(
      'ecds',
      references.httpFilters
        .map(plain)
        .filter((filter) => filter['configDiscovery'])
        .map(({ name }) => String(name)),
    );
    const secrets = [...new Set([...secretNames(referencesIn(cds)), ...secretNames(references)])];
    // Pilot requests a secret once a proxy has: it follows the first answer.
    const last = { typeUrl: typeUrls.nds, resourceNames: [] };
    const { asked: sds, barrier: table } =
      secrets.length === 0
        ? { asked: [], barrier: await ask('nds') }
        : await stream.askUntil(last, { typeUrl: typeUrls.sds, resourceNames: secrets });
    const nds = metadata['DNS_CAPTURE'] === 'true' ? table : [];
    return Object.fromEntries(
      Object.entries({ cds, eds, lds, rds, ecds, sds, nds }).filter(
        ([kind, resources]) => resources.length > 0 || kind === 'cds' || kind === 'lds',
      ),
    );
  } finally {
    stream.close();
  }
}
