import { kindOf, type KindInfo, type Schema } from '@flotilla/model';
import { hashBytes, isRecord } from '@flotilla/std';

/** Of the metadata of an object, what says nothing of its content and changes with every write. */
const bookkeeping = new Set(['resourceVersion', 'generation', 'managedFields']);

/**
 * A hash of what decides how an object is read: others write its status, which must not make it another object. Empty
 * for what JSON does not hold, which can't be recognized by its hash.
 */
export function hashOfRead(object: unknown): string {
  const kind = kindOf(object);
  return hashOf(kind && isRecord(object) ? readOf(object, kind) : object);
}

/** Empty for what JSON does not hold. */
export function hashOf(value: unknown): string {
  try {
    return hashBytes(JSON.stringify(value) ?? '');
  } catch {
    return '';
  }
}

function readOf({ status, metadata, ...rest }: Readonly<Record<string, unknown>>, kind: KindInfo): unknown {
  const meta = isRecord(metadata)
    ? Object.fromEntries(Object.entries(metadata).filter(([name]) => !bookkeeping.has(name)))
    : metadata;
  return { ...rest, metadata: meta, status: statusOf(status, kind) };
}

/** What is read of a status. */
function statusOf(status: unknown, { schema, layout }: KindInfo): unknown {
  const read = layout === 'spec and status' && schema.type === 'object' ? schema.fields['status'] : undefined;
  return read && listed(status, read);
}

/** Of objects only the fields that their schema lists. */
function listed(value: unknown, schema: Schema): unknown {
  if (schema.type === 'repeated' && Array.isArray(value)) return value.map((item) => listed(item, schema.of));
  if (schema.type !== 'object' || !isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(schema.fields).flatMap(([name, field]) =>
      Object.hasOwn(value, name) ? [[name, listed(value[name], field)]] : [],
    ),
  );
}
