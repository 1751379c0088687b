import { parseTimestamp } from '@flotilla/std';

type Message = Record<string, unknown>;
interface Codec {
  toJson(type: string, bytes: Uint8Array): unknown;
  fromJson(type: string, json: never): Uint8Array;
}

const wrappers = new Set(
  [
    'DoubleValue',
    'FloatValue',
    'Int64Value',
    'UInt64Value',
    'Int32Value',
    'UInt32Value',
    'BoolValue',
    'StringValue',
    'BytesValue',
  ].map((name) => `google.protobuf.${name}`),
);
const zeros: Readonly<Record<string, unknown>> = { StringValue: '', BoolValue: false, BytesValue: '' };

const secondsText = (seconds: number, nanos: number): string => {
  const sign = seconds < 0 || nanos < 0 ? '-' : '';
  const fraction =
    nanos === 0
      ? ''
      : `.${String(Math.abs(nanos))
          .padStart(9, '0')
          .replace(/(000){1,2}$/, '')}`;
  return `${sign}${Math.abs(seconds)}${fraction}s`;
};

/** JSON of the messages that have a form of their own; undefined for all others. */
export function wellKnownToJson(name: string, message: Message, codec: Codec): unknown {
  if (wrappers.has(name)) {
    const short = name.slice('google.protobuf.'.length);
    const value = message['value'] ?? zeros[short] ?? 0;
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
    return short.includes('64') ? String(value) : value;
  }
  switch (name) {
    case 'google.protobuf.Duration':
      return secondsText(Number(message['seconds'] ?? 0), Number(message['nanos'] ?? 0));
    case 'google.protobuf.Timestamp':
      return new Date(
        Number(message['seconds'] ?? 0) * 1000 + Math.trunc(Number(message['nanos'] ?? 0) / 1e6),
      ).toISOString();
    case 'google.protobuf.Struct':
      return structToJson(message);
    case 'google.protobuf.Value':
      return valueToJson(message);
    case 'google.protobuf.ListValue':
      return ((message['values'] ?? []) as Message[]).map(valueToJson);
    case 'google.protobuf.Any': {
      const url = String(message['type_url'] ?? message['typeUrl'] ?? '');
      if (url === '') return {};
      const type = url.slice(url.lastIndexOf('/') + 1);
      const json = codec.toJson(type, (message['value'] as Uint8Array | undefined) ?? new Uint8Array());
      const plain = typeof json === 'object' && json !== null && !Array.isArray(json) && !hasOwnForm(type);
      return plain ? { '@type': url, ...json } : { '@type': url, value: json };
    }
    default:
      return undefined;
  }
}

/** Fields of the messages that have a form of their own; undefined for all others. */
export function wellKnownFromJson(name: string, json: unknown, codec: Codec): Message | undefined {
  if (wrappers.has(name))
    return {
      value: name.endsWith('BytesValue')
        ? Buffer.from(String(json), 'base64')
        : name.endsWith('64Value')
          ? Number(json)
          : json,
    };
  switch (name) {
    case 'google.protobuf.Duration': {
      const match = /^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(String(json));
      if (!match) throw new Error(`${JSON.stringify(json)} is not a duration such as 1.5s`);
      const sign = match[1] ? -1 : 1;
      return { seconds: sign * Number(match[2]), nanos: sign * Number((match[3] ?? '').padEnd(9, '0')) };
    }
    case 'google.protobuf.Timestamp': {
      const time = parseTimestamp(String(json));
      if (time === undefined) throw new Error(`${JSON.stringify(json)} is not a time such as 2023-01-31T12:00:00Z`);
      return { seconds: Math.floor(time / 1000), nanos: (((time % 1000) + 1000) % 1000) * 1e6 };
    }
    case 'google.protobuf.Struct':
      return structFromJson(json as Message);
    case 'google.protobuf.Value':
      return valueFromJson(json);
    case 'google.protobuf.ListValue':
      return { values: (json as unknown[]).map(valueFromJson) };
    case 'google.protobuf.Any': {
      const { '@type': url, ...rest } = json as { '@type'?: string };
      if (url === undefined) return {};
      const type = url.slice(url.lastIndexOf('/') + 1);
      return {
        type_url: url,
        value: codec.fromJson(type, (hasOwnForm(type) ? (rest as Message)['value'] : rest) as never),
      };
    }
    default:
      return undefined;
  }
}

const hasOwnForm = (type: string): boolean =>
  wrappers.has(type) || /^google\.protobuf\.(Duration|Timestamp|Struct|Value|ListValue|Any)$/.test(type);

const structToJson = (message: Message): Message =>
  Object.fromEntries(
    Object.entries((message['fields'] ?? {}) as Record<string, Message>)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, valueToJson(value)]),
  );

function valueToJson(value: Message): unknown {
  for (const [kind, item] of Object.entries(value)) {
    if (!Object.hasOwn(value, kind) || item === undefined || item === null) continue;
    if (kind === 'structValue') return structToJson(item as Message);
    if (kind === 'listValue') return (((item as Message)['values'] ?? []) as Message[]).map(valueToJson);
    if (kind === 'nullValue') return null;
    if (kind === 'stringValue' || kind === 'numberValue' || kind === 'boolValue') return item;
  }
  return null;
}

const structFromJson = (json: Message): Message => ({
  fields: Object.fromEntries(Object.entries(json).map(([key, value]) => [key, valueFromJson(value)])),
});

function valueFromJson(json: unknown): Message {
  if (json === null || json === undefined) return { nullValue: 0 };
  if (typeof json === 'string') return { stringValue: json };
  if (typeof json === 'number') return { numberValue: json };
  if (typeof json === 'boolean') return { boolValue: json };
  return Array.isArray(json)
    ? { listValue: { values: json.map(valueFromJson) } }
    : { structValue: structFromJson(json as Message) };
}
