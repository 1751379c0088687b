import type { Delete, UnservedCredential } from '@flotilla/model';

/** An object, as the bus names it. */
export type ObjectRef = Pick<Delete, 'collection' | 'key'>;

/** What the proxies of one pilot have of one object. */
export interface ObjectReport extends ObjectRef {
  /** `Put.version` of the object that is in force at that pilot. */
  readonly version: string;
  /** Proxies that were sent a resource which read the object. */
  readonly concerned: number;
  /** Of these, those that acknowledged all such resources, and those that rejected one. The rest has not answered. */
  readonly acknowledged: number;
  readonly rejected: number;
  /** Why it was rejected, in Envoy's words; bounded and printable. */
  readonly errors: readonly string[];
  readonly unserved: readonly UnservedCredential[];
}

/**
 * One message of a pilot: what has changed since the message before; or, from the one that `begins` to the one that
 * `ends`, everything.
 */
export interface Report {
  /** Which pilot: its pod's or host's name. */
  readonly instance: string;
  /** When this run of it started, in milliseconds since 1970. */
  readonly run: number;
  /** The session of galley that the pilot follows. */
  readonly session: string;
  /** Counts up by one within a run. */
  readonly seq: number;
  readonly begins: boolean;
  readonly ends: boolean;
  readonly put: readonly ObjectReport[];
  readonly delete: readonly ObjectRef[];
  /** Without another message for so many milliseconds, the pilot is gone. */
  readonly ttlMs: number;
}

/**
 * Galley's answer: `resend` when something is missing; `not here` when the report is for another galley, or another
 * session of it; `refused` with a reason for a person.
 */
export type ReportAnswer =
  { readonly kind: 'taken' | 'resend' | 'not here' } | { readonly kind: 'refused'; readonly reason: string };

/** What is said of an object has at most so many texts, and each at most so many characters. */
export const reportTexts = { perObject: 3, characters: 400 } as const;
/** Of an object at most so many credentials are reported, with names of at most so many characters. */
export const reportCredentials = { perObject: 20, characters: 400 } as const;
/** A message of reports has at most so many bytes. */
export const maxReportBytes = 256 * 1024;
