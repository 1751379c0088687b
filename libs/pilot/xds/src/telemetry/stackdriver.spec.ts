import { describe, expect, it } from 'vitest';
import { toJson } from '@flotilla/proto-gen/json';
import { stackdriverFilter, type StackdriverOf } from './stackdriver.ts';

interface Wasm {
  readonly config: { readonly rootId: string; readonly configuration: { readonly value: string } };
}
function configOf(of: Partial<StackdriverOf>): { readonly type: string; readonly root: string; readonly text: string } {
  const { typedConfig } = stackdriverFilter({
    side: 'CLIENT',
    carries: 'http',
    noHostFallback: false,
    overrides: new Map(),
    logs: undefined,
    ...of,
  });
  const { config } = toJson(typedConfig?.type_url ?? '', typedConfig?.value as Uint8Array) as unknown as Wasm;
  return {
    type: typedConfig?.type_url?.split('.').at(-4) ?? '',
    root: config.rootId,
    text: config.configuration.value,
  };
}

describe('the filter that counts and logs for Google Cloud', () => {
  it('logs, without a word of the configuration, all accesses of servers and failed ones of clients', () => {
    expect(configOf({})).toEqual({
      type: 'http',
      root: 'stackdriver_outbound',
      text: '{"disable_server_access_logging":true,"metric_expiry_duration":"3600s"}',
    });
    expect(configOf({ logs: '', carries: 'tcp' })).toEqual({
      type: 'network',
      root: 'stackdriver_outbound',
      text: '{"access_logging":"ERRORS_ONLY","metric_expiry_duration":"3600s"}',
    });
    expect(configOf({ logs: '', side: 'SERVER', noHostFallback: true })).toEqual({
      type: 'http',
      root: 'stackdriver_inbound',
      text: '{"disable_host_header_fallback":true,"access_logging":"FULL","metric_expiry_duration":"3600s"}',
    });
  });

  it('logs what an expression says, which comes through as it is', () => {
    expect(configOf({ logs: 'response.code >= 500 && response.code <= 800' }).text).toBe(
      '{"access_logging_filter_expression":"response.code >= 500 && response.code <= 800","metric_expiry_duration":"3600s"}',
    );
  });

  it("takes overrides by Google Cloud's names: tags that are set, and what is dropped", () => {
    const overrides = new Map([
      ['TCP_SENT_BYTES', { drop: true, tags: new Map<string, string | undefined>() }],
      ['GRPC_REQUEST_MESSAGES', { drop: true, tags: new Map<string, string | undefined>() }],
      [
        'REQUEST_COUNT',
        {
          drop: false,
          tags: new Map([
            ['b', 'x'],
            ['a', 'y'],
            ['gone', undefined],
          ]),
        },
      ],
      ['own', { drop: false, tags: new Map([['gone', undefined]]) }],
    ]);
    expect(JSON.parse(configOf({ overrides }).text)).toEqual({
      disable_server_access_logging: true,
      metric_expiry_duration: '3600s',
      metrics_overrides: {
        'client/request_count': { tag_overrides: { a: 'y', b: 'x' } },
        'client/sent_bytes_count': { drop: true },
        own: {},
      },
    });
    expect(configOf({ overrides, side: 'SERVER' }).text).toContain('"server/sent_bytes_count":{"drop":true}');
  });
});
