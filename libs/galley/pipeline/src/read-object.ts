import {
  parseMeshConfig,
  parseMeshNetworks,
  parseResource,
  type AnyResource,
  type Installation,
  type ObjectId,
  type Problem,
} from '@flotilla/model';
import { validate } from '@flotilla/galley-validation';

/** An object as a resource, or why there is none. */
export interface ReadObject {
  readonly resource?: AnyResource;
  readonly problems: readonly Problem[];
}

/** Around the reading of one object; may give something else instead. */
export type ReadingObject = (
  object: { readonly name: string; readonly hash: string },
  read: () => ReadObject,
) => ReadObject;

/** Checks an object by the schema of its kind and as Istio's webhook does. Never throws. */
export function readObject(
  { collection, key }: Pick<ObjectId, 'collection' | 'key'>,
  object: unknown,
  installation: Installation,
): ReadObject {
  switch (collection) {
    case 'mesh-config':
      return readMesh(parseMeshConfig(object, installation));
    case 'mesh-networks':
      return readMesh(parseMeshNetworks(object));
    default: {
      const parsed = parseResource(object, { cluster: key.cluster });
      return parsed.ok ? checked(parsed.value.resource, parsed.value.warnings) : { problems: parsed.error };
    }
  }
}

const readMesh = (parsed: ReturnType<typeof parseMeshConfig>): ReadObject =>
  parsed.ok ? checked(parsed.value, []) : { problems: parsed.error };

function checked(resource: AnyResource, warnings: readonly Problem[]): ReadObject {
  const problems = [...warnings, ...validate(resource)];
  return problems.some(({ level }) => level === 'error') ? { problems } : { resource, problems };
}
