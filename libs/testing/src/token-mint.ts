import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export const issuer = 'https://kubernetes.default.svc.cluster.local';
const audience = 'istio-ca';

/** The claims of a token; those that are left out are as the API server would set them. */
export interface Claims {
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly issuer?: string;
  readonly audience?: string | readonly string[];
  readonly subject?: string;
  /** Seconds from now. */
  readonly expires?: number | 'never';
  readonly notBefore?: number;
  readonly kubernetes?: unknown;
  readonly header?: Readonly<Record<string, unknown>>;
  /** Further members of the header. */
  readonly critical?: readonly string[];
  /** Whether it is signed by an unknown key. */
  readonly isForged?: boolean;
}
export interface TokenMint {
  /** The public keys, as the API server's /openid/v1/jwks has them. */
  readonly jwks: string;
  /** A service account's token (Kubernetes, "Service account token volume projection"). */
  mint(claims?: Claims): Promise<string>;
}

const kid = 'cluster';

/** The issuer of service account tokens that the mesh trusts. */
export async function createTokenMint(): Promise<TokenMint> {
  const [trusted, foreign] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')];
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(trusted.publicKey)), kid, alg: 'ES256', use: 'sig' }] });
  return {
    jwks,
    mint(claims = {}) {
      const { namespace = 'shop', serviceAccount = 'web', expires = 3600, isForged = false } = claims;
      const now = Math.floor(Date.now() / 1000);
      const token = new SignJWT({
        'kubernetes.io': claims.kubernetes ?? {
          namespace,
          serviceaccount: { name: serviceAccount },
          pod: { name: 'pod' },
        },
      })
        .setProtectedHeader({
          alg: 'ES256',
          kid,
          ...claims.header,
          ...(claims.critical ? { crit: [...claims.critical] } : {}),
        })
        .setIssuer(claims.issuer ?? issuer)
        .setAudience(typeof claims.audience === 'object' ? [...claims.audience] : (claims.audience ?? audience))
        .setSubject(claims.subject ?? `system:serviceaccount:${namespace}:${serviceAccount}`)
        .setIssuedAt()
        .setNotBefore(now + (claims.notBefore ?? 0));
      if (expires !== 'never') token.setExpirationTime(now + expires);
      return token.sign(isForged ? foreign.privateKey : trusted.privateKey, {
        crit: Object.fromEntries((claims.critical ?? []).map((name) => [name, true])),
      });
    },
  };
}
