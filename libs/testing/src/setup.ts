import { freezeShared } from '@flotilla/std';

/** Runs before each file of tests (vitest.config.ts). */
freezeShared();
