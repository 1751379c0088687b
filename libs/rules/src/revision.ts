/**
 * The name of an object of which each revision of a control plane has its own, as in Istio: `istio` for the default
 * revision ('' or `default`), else `istio-REVISION`.
 */
export const nameOfRevision = (name: string, revision: string): string =>
  revision === '' || revision === 'default' ? name : `${name}-${revision}`;
