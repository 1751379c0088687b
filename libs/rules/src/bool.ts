import { err, ok, quote, type Result } from '@flotilla/std';

const booleans = new Map<string, boolean>([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

/** A truth value as Go's strconv.ParseBool reads it. Error: Go's words. */
export function parseBool(text: string): Result<boolean> {
  const value = booleans.get(text);
  return value === undefined ? err(`strconv.ParseBool: parsing ${quote(text)}: invalid syntax`) : ok(value);
}

/** Does Go's strconv.ParseBool read a text as true? */
export const isTrue = (text: string | undefined): boolean => text !== undefined && booleans.get(text) === true;
/** Does Go's strconv.ParseBool read a text as false? */
export const isFalse = (text: string | undefined): boolean => text !== undefined && booleans.get(text) === false;
