import { parseMeshConfig, parseMeshNetworks, parseResource, type AnyResource } from '@flotilla/model';

/** An object as a test writes it; `MeshConfig` and `MeshNetworks` are kinds too. Throws for anything else. */
export function resourceOf(raw: unknown): AnyResource {
  const { kind, ...rest } = raw as { kind?: string };
  const parsed =
    kind === 'MeshConfig'
      ? parseMeshConfig(rest)
      : kind === 'MeshNetworks'
        ? parseMeshNetworks(rest)
        : parseResource(raw);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return 'resource' in parsed.value ? parsed.value.resource : parsed.value;
}
