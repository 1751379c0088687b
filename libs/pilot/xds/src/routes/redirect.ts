import type { HTTPRoute } from '@flotilla/model';
import { envoy } from '@flotilla/proto-gen/envoy';

const { FOUND, MOVED_PERMANENTLY, PERMANENT_REDIRECT, SEE_OTHER, TEMPORARY_REDIRECT } =
  envoy.config.route.v3.RedirectAction.RedirectResponseCode;
const codes: Readonly<Record<number, number>> = {
  302: FOUND,
  303: SEE_OTHER,
  307: TEMPORARY_REDIRECT,
  308: PERMANENT_REDIRECT,
};

/**
 * Istio's ApplyRedirect. A port that the scheme implies is left out; "from the request" means the port this
 * configuration is for.
 */
export function buildRedirect(
  redirect: NonNullable<HTTPRoute['redirect']>,
  on: { port: number; tls: boolean },
): envoy.config.route.v3.IRedirectAction {
  const scheme = redirect.scheme || (on.tls ? 'https' : 'http');
  const asked = redirect.derivePort === 'FROM_REQUEST_PORT' ? on.port : (redirect.port ?? 0);
  const implied = (asked === 80 && scheme === 'http') || (asked === 443 && scheme === 'https');
  return {
    ...(redirect.authority ? { hostRedirect: redirect.authority } : {}),
    pathRedirect: redirect.uri ?? '',
    ...(redirect.scheme ? { schemeRedirect: redirect.scheme } : {}),
    ...(asked !== 0 && !implied ? { portRedirect: asked } : {}),
    responseCode: codes[redirect.redirectCode ?? 301] ?? MOVED_PERMANENTLY,
  };
}

/** A response that Envoy gives itself. */
export const buildDirectResponse = ({
  status,
  body,
}: NonNullable<HTTPRoute['directResponse']>): envoy.config.route.v3.IDirectResponseAction => ({
  status: status ?? 0,
  ...(body?.string !== undefined ? { body: { inlineString: body.string } } : {}),
  ...(body?.bytes !== undefined ? { body: { inlineBytes: Buffer.from(body.bytes, 'base64') } } : {}),
});
