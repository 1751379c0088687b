import type { Service } from '@flotilla/pilot-registry';
import { duration, envoy } from '@flotilla/proto-gen/envoy';
import { defineKey, type KeyOf } from '@flotilla/query';
import { typedConfig } from '../finish/typed-config.ts';

interface SessionFields {
  readonly by: 'cookie' | 'header';
  /** Of the cookie or header that Envoy makes and recognizes. */
  readonly name: string;
  /** Of the cookie; empty for a header. */
  readonly path: string;
}
/** How clients of a service are kept at the endpoint that first answered them. */
const persistentSession = defineKey<SessionFields>()('name', 'by', 'path');
export type PersistentSession = KeyOf<typeof persistentSession>;

const filterName = 'envoy.filters.http.stateful_session';
const lifetime = 120;

/**
 * What a service's labels say: `istio.io/persistent-session: NAME` or `NAME:PATH` for a cookie, else
 * `istio.io/persistent-session-header: NAME` (Istio's MaybeBuildStatefulSessionFilterConfig).
 */
export function sessionOf({ labels }: Pick<Service, 'labels'>): PersistentSession | undefined {
  const cookie = labels['istio.io/persistent-session'] ?? '';
  if (cookie !== '') {
    const colon = cookie.indexOf(':');
    return colon < 0
      ? persistentSession({ by: 'cookie', name: cookie, path: '/' })
      : persistentSession({ by: 'cookie', name: cookie.slice(0, colon), path: cookie.slice(colon + 1) });
  }
  const header = labels['istio.io/persistent-session-header'] ?? '';
  return header === '' ? undefined : persistentSession({ by: 'header', name: header, path: '' });
}

function stateOf({ by, name, path }: PersistentSession): envoy.config.core.v3.ITypedExtensionConfig {
  switch (by) {
    case 'cookie':
      return {
        name: 'envoy.http.stateful_session.cookie',
        typedConfig: typedConfig(envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState, {
          cookie: { name, path, ttl: duration(lifetime) },
        }),
      };
    case 'header':
      return {
        name: 'envoy.http.stateful_session.header',
        typedConfig: typedConfig(envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState, { name }),
      };
  }
}

/** The part of a virtual host that keeps sessions. */
export const buildSession = (
  session: PersistentSession | undefined,
): Pick<envoy.config.route.v3.IVirtualHost, 'typedPerFilterConfig'> =>
  session
    ? {
        typedPerFilterConfig: {
          [filterName]: typedConfig(envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute, {
            statefulSession: { sessionState: stateOf(session) },
          }),
        },
      }
    : {};
