import { setting } from '@flotilla/std';

/** Where galley reads from. */
export const galleySettings = () => ({
  configDir: setting.list('file or folder of YAML, watched', ['docs/examples/mesh'], { metavar: 'path' }),
  meshConfig: setting.optionalPath('file with MeshConfig alone, instead of the ConfigMap istio'),
  meshNetworks: setting.optionalPath('file with MeshNetworks alone'),
});
