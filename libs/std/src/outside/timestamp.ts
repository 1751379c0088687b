/** Epoch milliseconds of a time as RFC 3339 writes it, `2023-01-31T12:00:00.5Z`; undefined for anything else. */
export function parseTimestamp(text: string): number | undefined {
  if (text.length > 40 || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[-+]\d\d:\d\d)$/.test(text))
    return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
