import { describe, expect, it } from 'vitest';
import { duration, encode, envoy, struct, u32, type google, type MessageType } from './envoy.ts';
import { fromJson, jsonMistake, toJson } from './json.ts';

const any = <T>(type: MessageType<T> & { getTypeUrl(): string }, message: T): google.protobuf.IAny => ({
  type_url: type.getTypeUrl(),
  value: encode(type, message),
});

const name = 'envoy.config.cluster.v3.Cluster';
const cluster = encode(envoy.config.cluster.v3.Cluster, {
  name: 'outbound|80||web',
  type: envoy.config.cluster.v3.Cluster.DiscoveryType.EDS,
  connectTimeout: duration(1.5),
  perConnectionBufferLimitBytes: u32(0),
  commonLbConfig: {},
  respectDnsTtl: false,
  metadata: { filterMetadata: { istio: struct({ services: [{ host: 'web', n: 1, on: true, none: null }] }) } },
  typedExtensionProtocolOptions: {
    z: any(envoy.extensions.upstreams.http.v3.HttpProtocolOptions, {
      commonHttpProtocolOptions: { idleTimeout: duration(0) },
    }),
    a: any(envoy.extensions.upstreams.http.v3.HttpProtocolOptions, {}),
  },
});

describe('JSON mapping', () => {
  it('writes what is set, as protojson does', () => {
    expect(toJson(name, cluster)).toEqual({
      name: 'outbound|80||web',
      type: 'EDS',
      connectTimeout: '1.500s',
      perConnectionBufferLimitBytes: 0,
      commonLbConfig: {},
      metadata: { filterMetadata: { istio: { services: [{ host: 'web', n: 1, none: null, on: true }] } } },
      typedExtensionProtocolOptions: {
        a: { '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions' },
        z: {
          '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
          commonHttpProtocolOptions: { idleTimeout: '0s' },
        },
      },
    });
  });

  it('reads what it writes', () => {
    const json = toJson(name, cluster);
    expect(toJson(name, fromJson(name, json))).toEqual(json);
  });

  it('encodes maps in one order, whatever the order of insertion', () => {
    const [x, y] = [any(envoy.type.v3.Percent, { value: 1 }), any(envoy.type.v3.Percent, { value: 2 })];
    const bytes = (options: Record<string, typeof x>) =>
      Buffer.from(encode(envoy.config.cluster.v3.Cluster, { typedExtensionProtocolOptions: options })).toString('hex');
    expect(bytes({ x, y })).toBe(bytes({ y, x }));
  });

  it('says why a value is not a message, and passes over what only others know', () => {
    const any = { '@type': 'type.googleapis.com/envoy.not.Here', x: 1 };
    expect(
      jsonMistake(name, { name: 'x', connect_timeout: '500ms', later: 1, transport_socket: { typed_config: any } }),
    ).toBe(undefined);
    expect(jsonMistake(name, { name: false })).toBe('Cluster.name: expected text');
    expect(jsonMistake(name, { connect_timeout: 5 })).toContain('is not a duration');
    const nested = { '@type': 'type.googleapis.com/envoy.config.core.v3.Address', pipe: { path: 7 } };
    expect(jsonMistake(name, { transport_socket: { typed_config: nested } })).toBe('Address.pipe.path: expected text');
  });

  it('names an unknown field and a wrong value', () => {
    expect(() => fromJson(name, { nme: 'x' })).toThrow('Cluster.nme: Cluster has no such field');
    expect(() => fromJson(name, { type: 'EDDS' })).toThrow('Cluster.type: "EDDS" is not one of');
  });
});
