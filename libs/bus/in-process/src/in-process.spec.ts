import { describeBus } from '@flotilla/testing';
import { createInProcessBus } from './in-process.ts';

describeBus('in-process', () => Promise.resolve(createInProcessBus()));
