import type { Schema } from '../schema/schema.ts';

/** A structural schema of Kubernetes (Kubernetes documentation, "Specifying a structural schema"). */
export interface OpenApi {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly properties?: Readonly<Record<string, OpenApi>>;
  readonly additionalProperties?: OpenApi;
  readonly items?: OpenApi;
  /** Of texts alone; other values pass. */
  readonly pattern?: string;
  readonly format?: string;
  readonly nullable?: true;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
}

const intOrString = { 'x-kubernetes-int-or-string': true } as const;
const anything = { 'x-kubernetes-preserve-unknown-fields': true } as const;

/**
 * The structural schema by which the API server accepts a value. It must not refuse what Istio accepts (Protocol
 * Buffers' "ProtoJSON Format"): a number may be a text, an enum a number, an element of a list null. Fields that
 * exclude each other are left to galley, whose messages explain them. A message that contains itself is open from its
 * second level on, since a structural schema can't refer to itself.
 */
export function openApiOf(schema: Schema, within: readonly Schema[] = []): OpenApi {
  switch (schema.type) {
    case 'message':
      if (within.includes(schema)) return { type: 'object', ...anything };
      return {
        type: 'object',
        properties: propertiesOf(schema.fields(), [...within, schema]),
      };
    case 'object':
      return {
        type: 'object',
        properties: propertiesOf(schema.fields, [...within, schema]),
        ...(schema.required.length > 0 ? { required: schema.required } : {}),
      };
    case 'repeated':
      return { type: 'array', items: { ...openApiOf(schema.of, within), nullable: true } };
    case 'map':
      return { type: 'object', additionalProperties: openApiOf(schema.of, within) };
    case 'wrapper':
      return { ...openApiOf(schema.of, within), nullable: true };
    case 'enum':
      return { ...intOrString, pattern: `^(${Object.keys(schema.values).join('|')})$` };
    case 'string':
    case 'duration':
      return { type: 'string' };
    case 'bytes':
      return { type: 'string', format: 'binary' };
    case 'timestamp':
      return { type: 'string', format: 'date-time' };
    case 'bool':
      return { type: 'boolean' };
    case 'int':
    case 'uint':
    case 'port':
    case 'int64':
    case 'intOrString':
      return intOrString;
    case 'double':
      return { type: 'number' };
    case 'struct':
      return { type: 'object', ...anything };
    case 'value':
      return anything;
  }
}

const propertiesOf = (
  fields: Readonly<Record<string, Schema>>,
  within: readonly Schema[],
): Readonly<Record<string, OpenApi>> =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, openApiOf(field, within)]));
