import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { basename, dirname, join, normalize } from 'node:path';
import { proxyConfigJson, type Environment } from '@flotilla/agent-bootstrap';
import { prepareProxy } from '@flotilla/agent-service';
import { parse } from 'yaml';
import type { Area } from '../area.ts';
import { eachCase, firstDifference, type Answer } from '../compare.ts';
import { findFolders } from '../corpus/folders.ts';
import { compareUpstream } from './upstream.ts';

interface Case {
  readonly args: readonly string[];
  readonly env: Environment;
  readonly podLabels: Readonly<Record<string, string>> | null;
  readonly podAnnotations: Readonly<Record<string, string>> | null;
  readonly interfaceAddresses: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly exitCode: number;
  readonly error?: string;
  readonly envoyArgs: readonly string[];
}

/** Starts `pilot-agent proxy` as far as Envoy's command line. */
export const bootstrap: Area = {
  about: "Envoy's bootstrap and command line, the effective proxy configuration, a proxyless client's bootstrap",
  folders: ['bootstrap', 'more/bootstrap'],
  find: (folder) => findFolders(folder, ['cases', 'upstream']),
  compare: (run) =>
    eachCase(run, (path) => (basename(dirname(path)) === 'upstream' ? compareUpstream(path) : compareStart(path))),
};

async function compareStart(path: string): Promise<Answer> {
  const read = (name: string): string => readFileSync(join(path, name), 'utf8');
  const one = JSON.parse(read('case.json')) as Case;
  const files = new Map([
    ...Object.entries(one.files).map(([name, text]): [string, string] => [normalize(name), text]),
    ...podInfo('labels', one.podLabels),
    ...podInfo('annotations', one.podAnnotations),
  ]);
  const prepared = await prepareProxy({
    args: one.args,
    // The real agent starts Istio's build of Envoy.
    env: { ...one.env, ENVOY_HAS_ISTIO_EXTENSIONS: 'true' },
    interfaces: one.interfaceAddresses.map((address) => ({ name: 'eth0', address })),
    // No network: only what is an address already has one.
    resolve: (host) => Promise.resolve(isIP(host) > 0 ? host : undefined),
    read: (name) => Promise.resolve(files.get(normalize(name))),
  });
  if (!prepared.ok)
    return {
      // What a YAML library says in its own words does not count.
      difference: firstDifference(
        { exitCode: one.exitCode, error: one.error?.split('yaml: line')[0] },
        { exitCode: 255, error: prepared.error.split('yaml: ')[0] },
      ),
      files: { error: prepared.error },
    };
  const { proxy, bootstrap: file, envoyArgs, grpcBootstrap } = prepared.value;
  const text = file.text ?? files.get(normalize(file.path)) ?? '';
  const raw = ['bootstrap.json', 'bootstrap.raw'].find((name) => existsSync(join(path, name)));
  const grpc = JSON.parse(grpcBootstrap) as { node: { metadata: unknown } };
  const answer = {
    exitCode: 0,
    bootstrap: raw === 'bootstrap.json' ? (JSON.parse(text) as unknown) : text,
    envoyArgs,
    proxyConfig: proxyConfigJson(proxy.proxyConfig),
    grpc,
  };
  const expected = {
    exitCode: one.exitCode,
    bootstrap: raw === 'bootstrap.json' ? (JSON.parse(read(raw)) as unknown) : raw ? read(raw) : undefined,
    envoyArgs: one.envoyArgs,
    proxyConfig: existsSync(join(path, 'effective-proxy-config.yaml'))
      ? parseLogged(read('effective-proxy-config.yaml'))
      : answer.proxyConfig,
    grpc: existsSync(join(path, 'grpc-bootstrap.json')) ? (JSON.parse(read('grpc-bootstrap.json')) as unknown) : grpc,
  };
  return { difference: firstDifference(expected, answer), files: { 'bootstrap.json': text, 'answer.json': answer } };
}

/** YAML that was logged; the members of a JSON log have their line ends escaped, and the end of the member behind. */
const parseLogged = (text: string): unknown =>
  parse(text.includes('\\n') ? text.replaceAll('\\n', '\n').replace(/"\}\s*$/, '') : text);

/** A file of the downward API: `key="value"` lines. */
const podInfo = (name: string, members: Readonly<Record<string, string>> | null): [string, string][] =>
  members === null
    ? []
    : [
        [
          `etc/istio/pod/${name}`,
          Object.entries(members)
            .map(([key, value]) => `${key}=${JSON.stringify(value)}\n`)
            .join(''),
        ],
      ];
