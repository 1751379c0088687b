/** The user of every image but the proxy's. */
const user = 65_532;

/** The settings that the security level "restricted" requires (Kubernetes documentation, "Pod Security Standards"). */
export const podSecurity = (runAsUser = user): object => ({
  runAsNonRoot: true,
  runAsUser,
  runAsGroup: runAsUser,
  fsGroup: runAsUser,
  seccompProfile: { type: 'RuntimeDefault' },
});
export const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
} as const;
