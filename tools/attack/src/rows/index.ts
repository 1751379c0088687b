import type { Attack } from '../attack.ts';
import { calls } from './all/calls.ts';
import { connections } from './all/connections.ts';
import { frameFloods } from './all/frame-floods.ts';
import { halfRequests } from './all/half-requests.ts';
import { handshakes } from './all/handshakes.ts';
import { http2 } from './all/http2.ts';
import { monitoring } from './all/monitoring.ts';
import { disks, processes } from './all/processes.ts';
import { trailers } from './all/trailers.ts';
import { credentialStreams } from './citadel/credentials.ts';
import { certificates, csrs } from './citadel/csrs.ts';
import { clocks, roots } from './citadel/roots.ts';
import { tokens } from './citadel/tokens.ts';
import { churn } from './galley/churn.ts';
import { combinations } from './galley/combinations.ts';
import { endpointProducts } from './galley/endpoint-products.ts';
import { files } from './galley/files.ts';
import { objects } from './galley/objects.ts';
import { products } from './galley/products.ts';
import { replacedFiles } from './galley/replaced-files.ts';
import * as galley from './galley/texts.ts';
import { yamlBombs } from './galley/yaml-bombs.ts';
import { bodies, pollution } from './injector/bodies.ts';
import { http, logs } from './injector/http.ts';
import { texts } from './injector/texts.ts';
import { protocol } from './nats/protocol.ts';
import { rights } from './nats/rights.ts';
import { standbys, stores } from './nats/standby.ts';
import { readers, users } from './nats/users.ts';
import { writers } from './nats/writers.ts';
import { debugPages } from './pilot/debug-pages.ts';
import { keySets } from './pilot/key-sets.ts';
import * as pilot from './pilot/logs.ts';
import { memory } from './pilot/memory.ts';
import { nodes } from './pilot/nodes.ts';
import { malformed, requests } from './pilot/requests.ts';
import { sds } from './pilot/sds.ts';
import { streams } from './pilot/streams.ts';
import { subscriptions } from './pilot/subscriptions.ts';
import * as bearer from './pilot/tokens.ts';

/** The table: rows of one kind of attack on one service are a file. What disturbs comes last. */
export const rows: readonly Attack[] = [
  ...texts,
  ...bodies,
  ...pollution,
  ...http,
  ...logs,
  ...galley.texts,
  ...galley.pollution,
  ...galley.logs,
  ...yamlBombs,
  ...files,
  ...churn,
  ...replacedFiles,
  ...objects,
  ...products,
  ...endpointProducts,
  ...combinations,
  ...requests,
  ...malformed,
  ...nodes,
  ...subscriptions,
  ...pilot.logs,
  ...sds,
  ...streams,
  ...memory,
  ...keySets,
  ...bearer.tokens,
  ...debugPages,
  ...tokens,
  ...csrs,
  ...certificates,
  ...credentialStreams,
  ...roots,
  ...clocks,
  ...users,
  ...readers,
  ...rights,
  ...protocol,
  ...http2,
  ...frameFloods,
  ...handshakes,
  ...calls,
  ...halfRequests,
  ...monitoring,
  ...trailers,
  ...connections,
  ...disks,
  ...writers,
  ...stores,
  ...standbys,
  ...processes,
];
