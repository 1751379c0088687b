import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
import type { Area } from '../area.ts';
import { eachCase } from '../compare.ts';
import { findFolders } from '../corpus/folders.ts';
import { findShared } from '../corpus/locate.ts';
import { readShared } from './files.ts';
import { compareKubeInject, yaml } from './kube-inject.ts';
import { compareReview, serverFolder } from './webhook.ts';

/** Does what `istioctl kube-inject` and Istio's webhook did. */
export const injection: Area = {
  about: 'kube-inject and the webhook must make the same pods, or give the same errors',
  folders: ['injection', 'more/injection'],
  find: (folder) => findFolders(folder, ['cases', 'upstream/cases', 'webhook/cases']),
  needs: templatesNeeded,
  compare: (run) => eachCase(run, (path) => (isWebhook(path) ? compareReview(path) : compareKubeInject(path))),
};
const isWebhook = (path: string): boolean => basename(dirname(dirname(path))) === 'webhook';

/** Templates that pods can ask for and that the project has its own of. */
const builtIn = ['sidecar', 'gateway', 'grpc-simple', 'grpc-agent'];
const forGateways = ['kube-gateway', 'waypoint'];
interface InjectConfig {
  readonly templates?: Readonly<Record<string, string>>;
}

/** Whether a case's injector has templates that users wrote in Go's language. */
function templatesNeeded(path: string): string | undefined {
  const text = injectConfigOf(path);
  const own = findShared(path, 'injection/injection-config.yaml');
  if (text === undefined || own === undefined) return undefined;
  const [given, known] = [text, readFileSync(own, 'utf8')].map((one) => templatesIn(one));
  if (!given || !known) return 'custom Go templates';
  const isCustom = Object.entries(given).some(
    ([name, template]) => !forGateways.includes(name) && !(builtIn.includes(name) && known[name] === template),
  );
  return isCustom ? 'custom Go templates' : undefined;
}
/** The templates of an injector's configuration; undefined when it is itself a template. */
function templatesIn(text: string): InjectConfig['templates'] {
  try {
    return (parse(text, yaml) as InjectConfig).templates;
  } catch {
    return undefined;
  }
}
function injectConfigOf(path: string): string | undefined {
  const one = JSON.parse(readFileSync(join(path, 'case.json'), 'utf8')) as {
    readonly args?: readonly string[];
    readonly files?: { readonly injectConfig?: string };
    readonly server?: string;
  };
  if (one.server !== undefined) {
    const folder = serverFolder(path, one.server);
    const file = join(folder, 'injection-config.yaml');
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }
  const at = one.args?.indexOf('--injectConfigFile') ?? -1;
  const name = one.files?.injectConfig ?? (at < 0 ? undefined : one.args?.[at + 1]);
  return name === undefined ? undefined : readShared(path, name);
}
