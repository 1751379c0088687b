import { MeshProxyConfig, parseValue } from '@flotilla/model';
import { parsePort, parseSeconds } from '@flotilla/std';
import { setting } from './mesh-settings.ts';
import { isSet } from './proxy.ts';
import { worldQuery, type View } from './view.ts';

/** What single proxies ask for in their metadata (Istio's ISTIO_META_*, as NodeMetadata has them). */

/** Whether it is of this version of Istio or a later one. One that doesn't say is taken for the newest. */
export function isAtLeast(view: View, major: number, minor: number): boolean {
  const version = view.attr('istioVersion');
  return !version || version[0] > major || (version[0] === major && version[1] >= minor);
}

/** How long an idle connection stays, in seconds. */
export function idleTimeout(view: View): number | undefined {
  const text = view.meta('IDLE_TIMEOUT');
  const seconds = typeof text === 'string' ? parseSeconds(text) : undefined;
  return seconds?.ok ? seconds.value : undefined;
}

export const acceptsHttp10 = (view: View): boolean => view.meta('HTTP10') === '1';

/** Spreads connections evenly over the proxy's threads. */
export const balancesExactly = (view: View, direction: 'INBOUND' | 'OUTBOUND'): boolean =>
  isSet(view.meta(`${direction}_LISTENER_EXACT_BALANCE`));

/** The port at which it serves as a plain HTTP proxy; 0 for none. */
export function httpProxyPort(view: View): number {
  const given = view.meta('HTTP_PROXY_PORT');
  const port = typeof given === 'number' ? given : parsePort(typeof given === 'string' ? given : '');
  return Number.isInteger(port) ? (port as number) : (setting(view, 'proxyHttpPort') ?? 0);
}

/** Files beside the proxy that replace its certificate of the mesh; empty where none is named. */
export interface OwnCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly roots: string;
}

/** The files that it shows to those it calls, or that call it. */
export function ownCertificate(view: View, side: 'CLIENT' | 'SERVER'): OwnCertificate {
  const path = (file: string): string => {
    const text = view.meta(`TLS_${side}_${file}`);
    return typeof text === 'string' ? text : '';
  };
  return { certificate: path('CERT_CHAIN'), key: path('KEY'), roots: path('ROOT_CERT') };
}

/** Whether there is a socket beside it at which someone else serves secrets (Istio's CredentialMetaDataName). */
export const hasCredentialSocket = (view: View): boolean => view.meta('credential') === 'true';

/** Whether it may listen on a port itself. A proxy without privileges may not on those below 1024. */
export const canListenOn = (view: View, port: number): boolean =>
  port === 0 || port >= 1024 || !isSet(view.meta('UNPRIVILEGED_POD'));

/**
 * The configuration that a proxy runs with: what it sends as PROXY_CONFIG replaces the mesh's defaultConfig as a whole.
 */
export const proxyConfig = worldQuery('proxy-config', (view): MeshProxyConfig => {
  const given = view.meta('PROXY_CONFIG');
  return typeof given === 'object' && given !== null
    ? (parseValue(MeshProxyConfig, given, { path: 'PROXY_CONFIG' }).value as MeshProxyConfig)
    : (setting(view, 'defaultConfig') ?? {});
});
