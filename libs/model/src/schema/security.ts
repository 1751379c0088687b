import { bool, enumeration, map, message, repeated, string, type Infer } from './schema.ts';
import { WorkloadSelector } from './common.ts';

const MutualTLS = message({ mode: enumeration(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']) });
/** security.istio.io PeerAuthentication */
export const PeerAuthentication = message({
  selector: WorkloadSelector,
  mtls: MutualTLS,
  portLevelMtls: map(MutualTLS),
});
export type PeerAuthentication = Infer<typeof PeerAuthentication>;

export const JWTRule = message({
  issuer: string,
  audiences: repeated(string),
  jwksUri: string,
  jwks: string,
  fromHeaders: repeated(message({ name: string, prefix: string })),
  fromParams: repeated(string),
  outputPayloadToHeader: string,
  forwardOriginalToken: bool,
  outputClaimToHeaders: repeated(message({ header: string, claim: string })),
});
export type JWTRule = Infer<typeof JWTRule>;
/** security.istio.io RequestAuthentication */
export const RequestAuthentication = message({ selector: WorkloadSelector, jwtRules: repeated(JWTRule) });
export type RequestAuthentication = Infer<typeof RequestAuthentication>;

const s = repeated(string);
const AuthorizationSource = message({
  principals: s,
  notPrincipals: s,
  requestPrincipals: s,
  notRequestPrincipals: s,
  namespaces: s,
  notNamespaces: s,
  ipBlocks: s,
  notIpBlocks: s,
  remoteIpBlocks: s,
  notRemoteIpBlocks: s,
});
const AuthorizationOperation = message({
  hosts: s,
  notHosts: s,
  ports: s,
  notPorts: s,
  methods: s,
  notMethods: s,
  paths: s,
  notPaths: s,
});
export const AuthorizationRule = message({
  from: repeated(message({ source: AuthorizationSource })),
  to: repeated(message({ operation: AuthorizationOperation })),
  when: repeated(message({ key: string, values: s, notValues: s })),
});
export type AuthorizationRule = Infer<typeof AuthorizationRule>;
/** security.istio.io AuthorizationPolicy */
export const AuthorizationPolicy = message({
  selector: WorkloadSelector,
  rules: repeated(AuthorizationRule),
  action: enumeration(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']),
  provider: message({ name: string }),
});
export type AuthorizationPolicy = Infer<typeof AuthorizationPolicy>;
