// The two listeners of opsd: the control socket for everything, a TCP port for reading.

import type { IncomingMessage, Server as PlainServer, RequestListener } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Commands, Queries, Streams } from '../../api/control.ts';
import type { ListenAddress } from '../../core/model/config.ts';
import type { Millis } from '../../core/model/spec.ts';
import { listenOnUnixSocket } from '../../os/files/unix-socket.ts';
import type { Clock } from '../../runtime/clock.ts';
import { parseInPieces } from '../../runtime/pieces.ts';
import type { CertificateSource, HttpLog, ListenerKind } from '../context.ts';
import { EventStreams } from '../streams/event-streams.ts';
import { Access } from './access.ts';
import { cannotListen, isHostOfThisMachine, isLoopback, printAddress } from './address.ts';
import { Crowd } from './crowd.ts';
import { newListener, type RefuseRequest } from './listener.ts';
import { MAX_HEADER_BYTES, MAX_HEADERS, refuse, reply } from './refusals.ts';
import { newSecureServer } from './secure.ts';

export interface ServerOptions {
  readonly clock: Clock;
  readonly queries: Queries & Streams;
  /** Only the control socket gets them. */
  readonly commands: Commands;
  readonly socketPath: string;
  readonly socketMode: number;
  /** Id of the group; null: the group of opsd. */
  readonly socketGid: number | null;
  /** null: no TCP listener. */
  readonly tcp: ListenAddress | null;
  readonly log: HttpLog;
  /** Whether TCP clients may read the output of services (`daemon.page_logs`). Called for each request. */
  readonly pageLogs?: () => boolean;
  /** Masks secrets in texts that `queries` did not make. */
  readonly hide?: (text: string) => string;
  /** null: TCP is not encrypted. */
  readonly certificates?: CertificateSource | null;
  /** `daemon.http_token`, called for each request; null: no token is needed. */
  readonly token?: () => string | null;
  /** How often to check that the control socket still exists. */
  readonly lookEvery?: Millis;
}

type Server = PlainServer | SecureServer;

interface Servers extends AsyncDisposable {
  /** The address of the TCP listener with its real port; null: there is none. */
  readonly tcpAddress: string | null;
  /** Ends all TCP connections, after a change of the token: clients have to authenticate again. */
  dropTcp(): void;
}

/**
 * `import 'node:http'` evaluates every export, WebSocket among them, and so loads all of undici: 16 MB and 50 ms of each
 * start. getBuiltinModule does not.
 */
const { createServer } = process.getBuiltinModule('node:http');

/** Places by listener: any number of TCP clients leaves the control socket free. */
const PLACES = {
  socket: { all: 256, ofPeer: 256, busyOfPeer: 224, handshaking: 0 },
  tcp: { all: 512, ofPeer: 256, busyOfPeer: 192, handshaking: 24 },
};
/** Node still counts an evicted connection for a moment. */
const LEAVING = 64;

/** Connections that wait to be accepted. Linux drops further ones, and a client that only listens never learns it. */
const BACKLOG = 4096;

const HEADERS_TIMEOUT: Millis = 10_000;
const REQUEST_TIMEOUT: Millis = 15_000;
const KEEP_ALIVE_TIMEOUT: Millis = 10_000;
/** How often Node checks for requests that are too slow. */
const CHECK_EVERY: Millis = 5_000;
/** A TCP connection without any byte for this long is dead or stuck (event streams send something every 10 s). */
const TCP_IDLE_TIMEOUT: Millis = 30_000;
const LOOK_EVERY: Millis = 5_000;
const WRONG_HOST =
  'opsd listens for this machine only, and the Host header of the request names another; use localhost or 127.0.0.1, or set daemon.http to an address that other hosts reach';
/** The time that answers in progress have when opsd ends, the one to `ctl shutdown` among them. */
const FAREWELL: Millis = 500;

/** Opens both listeners. Throws a RuntimeError when one of them cannot be opened; then neither is. */
export async function startServers(options: ServerOptions): Promise<Servers> {
  await using opened = new AsyncDisposableStack();
  const servers = new Set<Server>();
  opened.defer(() => closeAll(servers, options.clock));
  const streams = opened.use(new EventStreams(options.queries, options.clock));

  const address = options.tcp;
  const makeServer = (via: ListenerKind): Server => {
    let isForAll = via === 'socket' || address === null;
    const mayAsk = ({ headers }: IncomingMessage) => isForAll || isHostOfThisMachine(headers.host, address?.host ?? '');
    const crowd = new Crowd(PLACES[via]);
    const { queries, clock, log, pageLogs = () => false, hide = (text) => text } = options;
    const certificates = via === 'tcp' ? (options.certificates ?? null) : null;
    const access = new Access(options.token ?? (() => null), certificates?.isForClients ?? false, log, clock);
    const refuses: RefuseRequest = (request, response) => {
      if (via === 'socket') return false;
      if (mayAsk(request)) return access.refuses(request, response);
      reply(response, 403, 'wrong_host', WRONG_HOST);
      return true;
    };
    const commands = via === 'socket' ? options.commands : null;
    const listen = newListener({ via, queries, commands, clock, log, pageLogs, hide, streams, crowd, refuses });
    const server = newServer(via, listen, certificates);
    server.on(certificates === null ? 'connection' : 'secureConnection', parseInPieces);
    server.on('connection', (socket) => crowd.enter(socket, certificates !== null));
    server.on('secureConnection', (socket) => crowd.onHandshake(socket));
    server.once('listening', () => {
      isForAll ||= isForOthers(server);
    });
    servers.add(server);
    server.once('close', () => servers.delete(server));
    return server;
  };

  const tcpServer = address === null ? null : makeServer('tcp');
  const tcp = address === null || tcpServer === null ? null : await listenOnTcp(tcpServer, address);
  opened.use(
    await listenOnUnixSocket({
      path: options.socketPath,
      mode: options.socketMode,
      gid: options.socketGid,
      makeServer: () => makeServer('socket'),
      log: options.log,
      lookEvery: options.lookEvery ?? LOOK_EVERY,
      clock: options.clock,
    }),
  );
  const all = opened.move();
  const dropTcp = () => tcpServer?.closeAllConnections();
  return { tcpAddress: tcp, dropTcp, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function newServer(via: ListenerKind, listen: RequestListener, certificates: CertificateSource | null): Server {
  const settings = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT,
    requestTimeout: REQUEST_TIMEOUT,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
    connectionsCheckingInterval: CHECK_EVERY,
    noDelay: true,
  };
  const server =
    certificates === null ? createServer(settings, listen) : newSecureServer(settings, listen, certificates);
  server.maxConnections = PLACES[via].all + LEAVING;
  server.maxHeadersCount = MAX_HEADERS;
  // On the unix socket an answer may take as long as a service takes to stop.
  server.timeout = via === 'tcp' ? TCP_IDLE_TIMEOUT : 0;
  server.on('clientError', refuse);
  return server;
}

/**
 * A loopback address is for this host only, and the Host header protects it from web pages of others (DNS rebinding).
 * Any other address is open to other hosts, which may know it under any name.
 */
function isForOthers(server: Server): boolean {
  const bound = server.address();
  return bound !== null && typeof bound === 'object' && !isLoopback(bound.address);
}

function listenOnTcp(server: Server, address: ListenAddress): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(address, error)));
    server.listen({ port: address.port, host: address.host, backlog: BACKLOG }, () => {
      server.removeAllListeners('error');
      // A later error of accept(2), such as too many open files, must not end opsd.
      server.on('error', () => undefined);
      const bound = server.address();
      const port = bound !== null && typeof bound === 'object' ? bound.port : address.port;
      resolve(printAddress({ host: address.host, port }));
    });
  });
}

/** Why nobody could listen there now; null: opsd can, or another one could. Opens a listener for a moment. */
export async function whyCannotListen(address: ListenAddress): Promise<string | null> {
  const server = createServer();
  try {
    await listenOnTcp(server, address);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    server.close();
  }
}

/** Accepts no more requests, gives those in progress a moment, then closes all connections. */
async function closeAll(servers: ReadonlySet<Server>, clock: Clock): Promise<void> {
  const closed = [...servers].map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  for (const server of servers) server.closeIdleConnections();
  using late = clock.alarm(() => {
    for (const server of servers) server.closeAllConnections();
  });
  late.set(FAREWELL);
  await Promise.all(closed);
}
