/** Files that citadel writes for services that cannot get them from a cluster. */
export interface CitadelFiles {
  readonly rootCertOut?: string | undefined;
  readonly bootstrapTokensFile?: string | undefined;
}

export interface CitadelFilesOptions extends CitadelFiles {
  readonly platform: 'files' | 'kubernetes';
}

/**
 * The files that citadel keeps for its peers: those that are set, else files of default names in `folder`. In a cluster
 * there are no defaults, because pods get the root from a ConfigMap and have tokens of their ServiceAccounts.
 */
export function citadelFiles(
  options: CitadelFilesOptions & { readonly platform: 'files' },
  folder: string,
): { readonly rootCertOut: string; readonly bootstrapTokensFile: string };
export function citadelFiles(options: CitadelFilesOptions, folder: string): CitadelFiles;
export function citadelFiles(
  { platform, rootCertOut, bootstrapTokensFile }: CitadelFilesOptions,
  folder: string,
): CitadelFiles {
  return platform === 'kubernetes'
    ? { rootCertOut, bootstrapTokensFile }
    : {
        rootCertOut: rootCertOut ?? `${folder}/root-cert.pem`,
        bootstrapTokensFile: bootstrapTokensFile ?? `${folder}/bootstrap-tokens.json`,
      };
}
