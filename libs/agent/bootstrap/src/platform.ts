import type { Environment, Locality } from './metadata.ts';

/** What the cloud provider says about a proxy's machine. */
export interface Platform {
  readonly metadata: Readonly<Record<string, string>>;
  readonly locality: Locality;
}

/**
 * The platform that the environment names: Google Cloud's metadata in GCP_METADATA
 * (`PROJECT|NUMBER|CLUSTER|LOCATION`), unless CLOUD_PLATFORM names another (Istio's pkg/bootstrap/platform). Metadata
 * servers are not queried.
 */
export function platformOf(env: Environment): Platform | undefined {
  const { CLOUD_PLATFORM: named = '', GCP_METADATA: text = '', GCP_QUOTA_PROJECT: quota = '' } = env;
  if (text === '' || ['aws', 'azure', 'none'].includes(named.toLowerCase())) return undefined;
  const parts = text.split('|');
  const quotaProject: Readonly<Record<string, string>> = quota ? { gcp_quota_project: quota } : {};
  if (parts.length !== 4) return { metadata: quotaProject, locality: {} };
  const [project = '', number = '', cluster = '', location = ''] = parts;
  return {
    metadata: {
      gcp_project: project,
      gcp_project_number: number,
      gcp_gke_cluster_name: cluster,
      gcp_location: location,
      ...quotaProject,
      gcp_gke_cluster_url: `https://container.googleapis.com/v1/projects/${project}/locations/${location}/clusters/${cluster}`,
    },
    locality: localityOf(location),
  };
}

/** A zone is its region, a dash and a suffix; a location without one gives no locality. */
function localityOf(location: string): Locality {
  const dash = location.lastIndexOf('-');
  return dash < 0 ? {} : { region: location.slice(0, dash), zone: location };
}
