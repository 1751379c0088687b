export { createCaBundleUpkeep, type CaBundleUpkeepOptions } from './ca-bundle-upkeep.ts';
