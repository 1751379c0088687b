import { envoy, struct } from '@flotilla/proto-gen/envoy';
import { readJsonObject } from '@flotilla/std';
import { typedConfig } from '../finish/typed-config.ts';

type ISubstitution = envoy.config.core.v3.ISubstitutionFormatString;
const { formatter } = envoy.extensions;

export const defaultText =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% ' +
  '%CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% ' +
  '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% ' +
  '%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n';

const plain = [
  'BYTES_RECEIVED',
  'BYTES_SENT',
  'CONNECTION_TERMINATION_DETAILS',
  'DOWNSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_REMOTE_ADDRESS',
  'DURATION',
  'PROTOCOL',
  'REQUESTED_SERVER_NAME',
  'RESPONSE_CODE',
  'RESPONSE_CODE_DETAILS',
  'RESPONSE_FLAGS',
  'ROUTE_NAME',
  'START_TIME',
  'UPSTREAM_CLUSTER',
  'UPSTREAM_HOST',
  'UPSTREAM_LOCAL_ADDRESS',
  'UPSTREAM_TRANSPORT_FAILURE_REASON',
];
const defaultLabels: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(plain.map((name) => [name.toLowerCase(), `%${name}%`])),
  authority: '%REQ(:AUTHORITY)%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  user_agent: '%REQ(USER-AGENT)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
};

/** Extensions that read what some format names: only the outermost texts are looked at. */
function formatters(texts: readonly string[]): Pick<ISubstitution, 'formatters'> {
  const found = [
    ...(texts.some((text) => text.includes('%REQ_WITHOUT_QUERY'))
      ? [
          {
            name: 'envoy.formatter.req_without_query',
            typedConfig: typedConfig(formatter.req_without_query.v3.ReqWithoutQuery, {}),
          },
        ]
      : []),
    ...(texts.some((text) => text.includes('%METADATA'))
      ? [{ name: 'envoy.formatter.metadata', typedConfig: typedConfig(formatter.metadata.v3.Metadata, {}) }]
      : []),
  ];
  return found.length > 0 ? { formatters: found } : {};
}

/** Lines of text, the default ones when there is no format. */
export function textFormat(format?: string): ISubstitution {
  const text = !format ? defaultText : format.endsWith('\n') ? format : `${format}\n`;
  return { textFormatSource: { inlineString: text }, ...formatters([text]) };
}

/** Objects; the default one when there are no labels. */
export function jsonFormat(labels?: Readonly<Record<string, unknown>>): ISubstitution {
  const given = labels && Object.keys(labels).length > 0 ? labels : defaultLabels;
  return {
    jsonFormat: struct(given),
    ...formatters(Object.values(given).filter((value) => typeof value === 'string')),
  };
}

/** MeshConfig.accessLogFormat in its encoding; the default labels for what is not a JSON object. */
export function meshFormat(encoding: string | undefined, format: string | undefined): ISubstitution {
  if (encoding !== 'JSON') return textFormat(format);
  const labels = readJsonObject(format || '{}');
  return jsonFormat(labels.ok ? labels.value : undefined);
}
