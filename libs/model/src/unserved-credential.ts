/**
 * Why proxies do not get a credential: their namespace has no such Secret, or none that can be used; their service
 * account may have none; the name means a Secret of another namespace; no Secret can have the name.
 */
export type UnservedReason = 'not found' | 'not allowed' | 'other namespace' | 'not a name';
/** A credential that an object names, and that proxies which it concerns request and do not get. */
export interface UnservedCredential {
  /** As the object has it, or with the suffix `-cacert` for the roots that verify clients. */
  readonly name: string;
  readonly reason: UnservedReason;
}
