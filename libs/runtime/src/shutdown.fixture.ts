import { aborted } from '@flotilla/std';
import { commonSettings, runApp } from './app.ts';

/** A service with nothing but its monitoring port, which is ready at once. */
await runApp({ name: 'idle', describe: 'Does nothing.', settings: commonSettings('127.0.0.1') }, () => ({
  runners: [{ name: 'nothing', run: aborted }],
  ready: {},
}));
