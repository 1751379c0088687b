// std depends on nothing but std.
import { step } from '@flotilla/ads'; // refused: @nx/enforce-module-boundaries
import { listen } from '@flotilla/grpc'; // refused: @nx/enforce-module-boundaries
import { serveHttp } from '@flotilla/server'; // refused: @nx/enforce-module-boundaries
import { replaceFile } from '@flotilla/stored-file'; // refused: @nx/enforce-module-boundaries

export const wrong: readonly unknown[] = [step, listen, serveHttp, replaceFile];
