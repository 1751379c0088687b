import { rootsSuffix, type Credential } from '@flotilla/model';
import type { Followed, SecretReader } from './reader.ts';

/**
 * Follows the credential of a name, as CredentialSubscription defines it: only the name without a suffix gives a
 * private key.
 */
export function followCredential(
  secrets: SecretReader,
  name: string,
  onChange: () => void,
): Followed<Credential | 'absent'> {
  const named = secrets.follow(name, onChange);
  if (!name.endsWith(rootsSuffix))
    return {
      current() {
        const secret = named.current();
        if (secret === undefined || secret === 'absent') return secret;
        const { certificate, key, staple } = secret;
        return certificate && key ? { certificate, key, ...(staple ? { staple } : {}) } : 'absent';
      },
      end: named.end,
    };
  const beside = secrets.follow(name.slice(0, -rootsSuffix.length), onChange);
  return {
    current() {
      const secret = named.current() === 'absent' ? beside.current() : named.current();
      if (secret === undefined || secret === 'absent') return secret;
      const { roots, revoked } = secret;
      return roots ? { roots, ...(revoked ? { revoked } : {}) } : 'absent';
    },
    end() {
      named.end();
      beside.end();
    },
  };
}
