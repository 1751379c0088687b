import { setting } from '@flotilla/std';

/** What galley keeps, and for how long it waits. */
export const galleySettings = (folder = '.cache/galley') => ({
  quarantineFile: setting.path(
    'list of objects on which the process hung until its watchdog ended it; they are skipped until they change',
    `${folder}/quarantine.json`,
  ),
  sourceWait: setting.duration(
    'how long the first state waits for a source that cannot be reached; after that galley continues without it',
    '60s',
  ),
  enhancedResourceScoping: setting.toggle(
    "whether meshConfig.discoverySelectors decide on Istio's own objects as well as on Services, EndpointSlices and pods",
    { env: 'ENABLE_ENHANCED_RESOURCE_SCOPING' },
  ),
  reportingPilots: setting.count('pilots at a time whose reports are kept', 100),
  reportBytes: setting.count('bytes of all reports of pilots that are kept', 128 << 20),
  reportMessages: setting.count(
    'report messages accepted per second from one service account; ten times as many in a burst',
    500,
  ),
});
