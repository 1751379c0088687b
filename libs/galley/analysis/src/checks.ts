import type { Check } from './check.ts';
import { virtualServiceReferences } from './references/virtual-service.ts';

/** All checks of objects by what else there is. */
export const checks: readonly Check[] = [virtualServiceReferences];
