import type { google } from '../gen/envoy.js';

export * from '../gen/envoy.js';

/** A generated message class, as far as encoding needs it. */
export interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
}
/** A message's fields, from its class. */
export type Fields<M> = M extends MessageType<infer T> ? T : never;

/** The message as bytes; equal messages give equal bytes (maps go in key order). */
export const encode = <T>(type: MessageType<T>, message: T): Uint8Array => type.encode(message).finish();

/** google.protobuf.Duration of seconds, fractions down to nanoseconds. */
export function duration(seconds: number): google.protobuf.IDuration {
  const whole = Math.trunc(seconds);
  return { seconds: whole, nanos: Math.round((seconds - whole) * 1e9) };
}

export const u32 = (value: number): google.protobuf.IUInt32Value => ({ value });
export const u64 = (value: number): google.protobuf.IUInt64Value => ({ value });
export const bool = (value: boolean): google.protobuf.IBoolValue => ({ value });
export const double = (value: number): google.protobuf.IDoubleValue => ({ value });
export const str = (value: string): google.protobuf.IStringValue => ({ value });

/** google.protobuf.Struct of plain JSON data. */
export const struct = (value: Readonly<Record<string, unknown>>): google.protobuf.IStruct => ({
  fields: Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, toValue(item)]),
  ),
});

function toValue(value: unknown): google.protobuf.IValue {
  if (value === null) return { nullValue: 0 };
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(toValue) } };
  return { structValue: struct(value as Record<string, unknown>) };
}
