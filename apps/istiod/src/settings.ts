import { platformSettings } from '@flotilla/citadel-kubernetes';
import { citadelSettings } from '@flotilla/citadel-service';
import { sourceSettings } from '@flotilla/galley-config-sources';
import { galleySettings } from '@flotilla/galley-service';
import { injectorSettings } from '@flotilla/injector-service';
import { jwksSettings } from '@flotilla/pilot-jwks';
import { pilotSettings } from '@flotilla/pilot-service';
import { commonSettings, grpcSettings, installationSettings, type runApp } from '@flotilla/runtime';

/** Where istiod keeps its files. */
export const folder = '.cache/istiod';

/** The settings of all services in one. */
export const settings = {
  ...commonSettings('127.0.0.6'),
  ...citadelSettings(folder),
  ...platformSettings(),
  ...sourceSettings(),
  ...galleySettings(folder),
  ...pilotSettings(),
  ...jwksSettings(),
  ...installationSettings(),
  ...injectorSettings(),
  ...grpcSettings(),
};

type Compose = Parameters<typeof runApp<typeof settings>>[1];
export type Options = Parameters<Compose>[0];
export type Context = Parameters<Compose>[1];
