export { createCaBundleUpkeep, type CaBundleUpkeepOptions, type Leadership } from './ca-bundle-upkeep.ts';
