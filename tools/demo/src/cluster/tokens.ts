import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export const issuer = 'https://kubernetes.default.svc.cluster.local';
export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: string;
  readonly audience: string;
  readonly seconds: number;
}
export interface TokenIssuer {
  /** The public keys, as the API server's /openid/v1/jwks has them. */
  readonly jwks: string;
  /** A service account's token for a pod (Kubernetes, "Service account token volume projection"). */
  token(request: TokenRequest): Promise<string>;
}

/** The cluster's own issuer of service account tokens. */
export async function createTokenIssuer(): Promise<TokenIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const kid = randomUUID();
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] });
  return {
    jwks,
    token: ({ namespace, serviceAccount, pod, audience, seconds }) =>
      new SignJWT({ 'kubernetes.io': { namespace, serviceaccount: { name: serviceAccount }, pod: { name: pod } } })
        .setProtectedHeader({ alg: 'ES256', kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(`system:serviceaccount:${namespace}:${serviceAccount}`)
        .setIssuedAt()
        .setExpirationTime(`${seconds}s`)
        .sign(privateKey),
  };
}
