/** Galley, in a process of a test: reading a document that is annotated with `hang` never ends. */
import { createGalley, galleySettings, openQuarantine } from '@flotilla/galley-service';
import { openSources, sourceSettings } from '@flotilla/galley-config-sources';
import { commonSettings, installationIn, installationSettings, runApp } from '@flotilla/runtime';

type Source = Awaited<ReturnType<typeof openSources>>[number];
interface Named {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}
function spinForever(): never {
  for (;;);
}
/** What JSON does not show, so that only reading the document as a resource comes to it. */
const hanging = (value: unknown): unknown =>
  (value as Named | undefined)?.metadata?.annotations?.['hang']
    ? Object.defineProperty(value, 'spec', { enumerable: false, get: spinForever })
    : value;
const withHanging = (source: Source): Source => ({
  ...source,
  async *run(signal) {
    for await (const changes of source.run(signal))
      yield changes.map((change) => ({
        ...change,
        events: change.events.map((event) =>
          event.type === 'object' ? { ...event, object: hanging(event.object) } : event,
        ),
      }));
  },
});

await runApp(
  {
    name: 'galley',
    describe: 'hangs',
    settings: { ...commonSettings('127.0.0.1'), ...installationSettings(), ...sourceSettings(), ...galleySettings() },
  },
  async (options, { observability, watchdog, signal }) => {
    watchdog.quarantineIn(options.quarantineFile);
    const quarantine = openQuarantine({
      file: options.quarantineFile,
      activity: observability.activity,
      log: observability.log,
    });
    const say = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
    const galley = createGalley({
      sources: (
        await openSources({ ...options, installation: installationIn(options), reading: quarantine.reading })
      ).map(withHanging),
      quarantine,
      observability,
      signal,
      publisher: {
        publish: (batch) =>
          Promise.resolve(
            say({ put: batch.put.map(({ resource }) => resource.meta.name), problems: galley.problems() }),
          ),
      },
    });
    return { runners: [{ name: 'galley', run: galley.run }], ready: { galley: galley.ready } };
  },
);
