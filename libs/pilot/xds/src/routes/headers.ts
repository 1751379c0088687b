import { compareText } from '@flotilla/std';
import type { Headers } from '@flotilla/model';
import { envoy } from '@flotilla/proto-gen/envoy';

type IHeaderValueOption = envoy.config.core.v3.IHeaderValueOption;
const { OVERWRITE_IF_EXISTS_OR_ADD } = envoy.config.core.v3.HeaderValueOption.HeaderAppendAction;

/** A route's header changes, and the authority that they set instead. */
export interface HeaderChanges {
  readonly authority?: string;
  readonly requestHeadersToAdd: IHeaderValueOption[];
  readonly requestHeadersToRemove: string[];
  readonly responseHeadersToAdd: IHeaderValueOption[];
  readonly responseHeadersToRemove: string[];
}

const isAuthority = (name: string): boolean => /^(:authority|host)$/i.test(name);
/** Pseudo headers and Host can't be changed this way: Envoy refuses the whole route. */
const isInternal = (name: string): boolean => name.startsWith(':') || /^host$/i.test(name);

function values(headers: Readonly<Record<string, string>> | undefined, overwrite: boolean): IHeaderValueOption[] {
  return Object.entries(headers ?? {})
    .filter(([name]) => !isInternal(name))
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, value]) => ({
      header: { key, value },
      ...(overwrite ? { appendAction: OVERWRITE_IF_EXISTS_OR_ADD } : {}),
    }));
}

const authorityIn = (headers: Readonly<Record<string, string>> | undefined): string | undefined =>
  Object.entries(headers ?? {})
    .sort(([a], [b]) => compareText(a, b))
    .findLast(([name]) => isAuthority(name))?.[1];

/**
 * Istio's translateHeadersOperations: what is set comes before what is added, each sorted; an authority in `set` wins
 * over one in `add`.
 */
export function buildHeaderChanges(headers: Headers | undefined): HeaderChanges {
  const { request, response } = headers ?? {};
  const authority = authorityIn(request?.set) ?? authorityIn(request?.add);
  return {
    ...(authority ? { authority } : {}),
    requestHeadersToAdd: [...values(request?.set, true), ...values(request?.add, false)],
    requestHeadersToRemove: (request?.remove ?? []).filter((name) => !isInternal(name)),
    responseHeadersToAdd: [...values(response?.set, true), ...values(response?.add, false)],
    responseHeadersToRemove: (response?.remove ?? []).filter((name) => !isInternal(name)),
  };
}

type HeaderFields = Pick<
  envoy.config.route.v3.IRoute,
  'requestHeadersToAdd' | 'requestHeadersToRemove' | 'responseHeadersToAdd' | 'responseHeadersToRemove'
>;

/** The changes as fields of a route or a weighted cluster; several are appended in order. */
export function headerFields(...all: readonly HeaderChanges[]): HeaderFields {
  const fields = {
    requestHeadersToAdd: all.flatMap((changes) => changes.requestHeadersToAdd),
    requestHeadersToRemove: all.flatMap((changes) => changes.requestHeadersToRemove),
    responseHeadersToAdd: all.flatMap((changes) => changes.responseHeadersToAdd),
    responseHeadersToRemove: all.flatMap((changes) => changes.responseHeadersToRemove),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, list]) => list.length > 0));
}
