import { useTemporaryFolder } from './temporary-folder.ts';

/**
 * Runs once before all tests (vitest.config.ts), so that none of them has to remove its temporary files. The name is
 * short, because the path of a UNIX socket has at most 107 bytes.
 */
export const setup = (): void => useTemporaryFolder('t-');
