import type { Gateway, Meta, Port, Server } from '@flotilla/model';
import { ipMistake } from './ip.ts';
import { isDnsLabel, portMistake, unixPathMistake, unixPrefix } from './names.ts';
import { checkNamespacedHost } from './namespaced-host.ts';
import { classifyProtocol } from './protocols.ts';
import { quoted, type Report } from './report.ts';
import { checkServerTls } from './server-tls.ts';

/** networking.istio.io Gateway (Istio 1.19, ValidateGateway). */
export function checkGateway(spec: Gateway, meta: Meta, report: Report): void {
  if (!isDnsLabel(meta.name)) report.error('metadata.name', `invalid gateway name: ${quoted(meta.name)}`);
  if (!spec.servers?.length) report.error('spec.servers', 'gateway must have at least one server');
  const names = new Set<string>();
  for (const [i, server] of (spec.servers ?? []).entries()) {
    const path = `spec.servers[${i}]`;
    checkServer(server, path, report);
    if (!server.port) continue;
    const name = server.port.name ?? '';
    if (names.has(name))
      report.error(`${path}.port.name`, `port names in servers must be unique: duplicate name ${name}`);
    names.add(name);
    if (!classifyProtocol(server.port.protocol ?? '').http && server.tls?.httpsRedirect)
      report.warn(`${path}.tls.httpsRedirect`, 'tls.httpsRedirect should only be used with http servers');
  }
}

function checkServer(server: Server, path: string, report: Report): void {
  if (!server.hosts?.length) report.error(`${path}.hosts`, 'server config must contain at least one host');
  for (const [i, host] of (server.hosts ?? []).entries())
    checkNamespacedHost(host, { path: `${path}.hosts[${i}]`, isGateway: true }, report);
  const portMistakes = mistakesOfPort(server.port);
  for (const mistake of portMistakes) report.error(`${path}.port`, mistake);
  checkBind(server, path, report);
  checkServerTls(server.tls, `${path}.tls`, report);
  if (portMistakes.length > 0) return;
  const protocol = classifyProtocol(server.port?.protocol ?? '');
  if (protocol.tls && !server.tls) report.error(`${path}.tls`, 'server must have TLS settings for HTTPS/TLS protocols');
  if (protocol.tls || !server.tls) return;
  // On a plain port TLS settings are for redirecting only.
  const { mode = 'PASSTHROUGH', caCertificates, privateKey, serverCertificate } = server.tls;
  if (!protocol.http) report.error(`${path}.tls`, 'server cannot have TLS settings for non HTTPS/TLS ports');
  else if (!['PASSTHROUGH', 'AUTO_PASSTHROUGH'].includes(mode) || caCertificates || privateKey || serverCertificate) {
    report.error(`${path}.tls`, 'server cannot have TLS settings for plain text HTTP ports');
  }
}

/** A port in Go's text form of protobuf messages. */
const shown = ({ number, protocol, name, targetPort }: Port): string =>
  [
    ...(number ? [`number:${number}`] : []),
    ...(protocol ? [`protocol:${quoted(protocol)}`] : []),
    ...(name ? [`name:${quoted(name)}`] : []),
    ...(targetPort ? [`target_port:${targetPort}`] : []),
  ].join(' ');

function mistakesOfPort(port: Port | undefined): string[] {
  if (!port) return ['port is required'];
  const { number = 0, protocol = '', name = '' } = port;
  const range = number > 0 ? portMistake(number) : undefined;
  return [
    ...(classifyProtocol(protocol).known
      ? []
      : [
          `invalid protocol ${quoted(protocol)}, supported protocols are HTTP, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP`,
        ]),
    ...(range === undefined ? [] : [range]),
    ...(name === '' ? [`port name must be set: ${shown(port)}`] : []),
  ];
}

function checkBind({ bind = '', port }: Server, path: string, report: Report): void {
  if (!bind.startsWith(unixPrefix)) return report.error(`${path}.bind`, bind === '' ? undefined : ipMistake(bind));
  report.error(`${path}.bind`, unixPathMistake(bind.slice(unixPrefix.length)));
  if (port?.number) report.error(`${path}.port`, `port number must be 0 for unix domain socket: ${shown(port)}`);
}
