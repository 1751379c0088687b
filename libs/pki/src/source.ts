/** A service's own certificate and whom it trusts, as PEM. `cert` is leaf first. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly cert: string;
  readonly roots: string;
}

/** A certificate that is renewed while its users hold connections. */
export interface CertificateSource {
  current(): KeyAndCertificate | undefined;
  /** Calls back at each renewal; the returned function ends that. */
  onChange(listener: (value: KeyAndCertificate) => void): () => void;
}

export interface MutableCertificateSource extends CertificateSource {
  set(value: KeyAndCertificate): void;
}

export function createCertificateSource(initial?: KeyAndCertificate): MutableCertificateSource {
  const listeners = new Set<(value: KeyAndCertificate) => void>();
  let value = initial;
  return {
    current: () => value,
    set(next) {
      value = next;
      for (const listener of listeners) listener(next);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
