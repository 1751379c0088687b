import { kindOf, type KindInfo, type Schema } from '@flotilla/model';
import { hashBytes, isRecord } from '@flotilla/std';

/** Members of an object's metadata that change with every write and are not part of its content. */
const bookkeeping = new Set(['resourceVersion', 'generation', 'managedFields']);

/**
 * A hash of the parts of an object that galley reads, so that an update of its status by others does not make it
 * another object. Empty for values that JSON can't represent, which can't be recognized by a hash.
 */
export function hashOfRead(object: unknown): string {
  const kind = kindOf(object);
  return hashOf(kind && isRecord(object) ? readOf(object, kind) : object);
}

/** Empty for values that JSON can't represent. */
export function hashOf(value: unknown): string {
  try {
    return hashBytes(JSON.stringify(value) ?? '');
  } catch {
    return '';
  }
}

function readOf({ status, metadata, ...rest }: Readonly<Record<string, unknown>>, kind: KindInfo): unknown {
  const content = isRecord(metadata)
    ? Object.fromEntries(Object.entries(metadata).filter(([name]) => !bookkeeping.has(name)))
    : metadata;
  return { ...rest, metadata: content, status: statusOf(status, kind) };
}

/** The parts of a status that galley reads. */
function statusOf(status: unknown, { schema, layout }: KindInfo): unknown {
  const read = layout === 'spec and status' && schema.type === 'object' ? schema.fields['status'] : undefined;
  return read && listed(status, read);
}

/** Keeps only the fields that the schema lists. */
function listed(value: unknown, schema: Schema): unknown {
  if (schema.type === 'repeated' && Array.isArray(value)) return value.map((item) => listed(item, schema.of));
  if (schema.type !== 'object' || !isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(schema.fields).flatMap(([name, field]) =>
      Object.hasOwn(value, name) ? [[name, listed(value[name], field)]] : [],
    ),
  );
}
