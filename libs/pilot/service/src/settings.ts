import { setting } from '@flotilla/std';

/** Where pilot serves discovery. */
export const pilotSettings = () => ({
  grpcPort: setting.port('plaintext xDS, for proxies on a network that is safe otherwise (0: any)', 15_010),
  secureGrpcPort: setting.port('xDS over mTLS (0: any)', 15_012),
});
