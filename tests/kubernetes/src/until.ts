import { pause } from '@flotilla/std';

/**
 * Resolves with the first value that `holds`; `read` is called again and again, and may fail. Rejects after `seconds`
 * with the last value or failure.
 */
export async function until<Value>(
  what: string,
  read: () => Promise<Value>,
  { holds, seconds = 60 }: { readonly holds: (value: Value) => boolean; readonly seconds?: number },
): Promise<Value> {
  let last = 'nothing';
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(100))
    try {
      const value = await read();
      if (holds(value)) return value;
      last = JSON.stringify(value)?.slice(0, 2000) ?? 'undefined';
    } catch (thrown) {
      last = String(thrown);
    }
  throw new Error(`${what} did not come within ${seconds} s; the last was ${last}`);
}
