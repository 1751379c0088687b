/** The part of a Secret that services here use; data are raw bytes, not base64. */
export interface Secret {
  readonly namespace: string;
  readonly name: string;
  readonly type?: string;
  readonly data: Readonly<Record<string, Uint8Array>>;
  /** Set by the API server; an update with an old one is a conflict. */
  readonly resourceVersion?: string;
}

export interface Secrets {
  get(namespace: string, name: string): Promise<Secret | undefined>;
  /** `exists` when someone else was first; nothing is changed then. */
  create(secret: Secret): Promise<'created' | 'exists'>;
  /** `conflict` when it was changed since it was read, or is gone. */
  update(secret: Secret): Promise<'updated' | 'conflict'>;
}
