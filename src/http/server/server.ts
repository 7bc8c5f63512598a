// The two doors of the daemon: a unix socket for all of it, a TCP port for reading. Both survive whatever comes in.

import type { IncomingMessage, Server as PlainServer, RequestListener } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Control } from '../../api/control.ts';
import type { Millis } from '../../core/model/spec.ts';
import { listenOnUnixSocket } from '../../os/files/unix-socket.ts';
import { Alarm } from '../../runtime/clock.ts';
import type { CertificateSource, ListenerKind, Log } from '../context.ts';
import { EventStreams } from '../streams/event-streams.ts';
import { Access } from './access.ts';
import { type Address, cannotListen, isLoopback, isOwnHost, parseAddress, printAddress } from './address.ts';
import { Crowd } from './crowd.ts';
import { newListener, type Refusal } from './listener.ts';
import { MAX_HEADER_BYTES, MAX_HEADERS, refuse, reply } from './refusals.ts';
import { newSecureServer } from './secure.ts';

export interface ServerOptions {
  readonly control: Control;
  readonly socketPath: string;
  readonly socketMode: number;
  readonly socketGroup: string | null;
  /** `127.0.0.1:9640`; empty: no TCP. */
  readonly tcp: string;
  readonly log: Log;
  /** Whether TCP may see what services wrote (`daemon.page_logs`). Asked each time. */
  readonly pageLogs?: () => boolean;
  /** Takes secrets out of what `control` did not make. */
  readonly hide?: (text: string) => string;
  /** null: TCP is not encrypted. */
  readonly certificates?: CertificateSource | null;
  /** `daemon.http_token`, asked each time; null: nobody needs one. */
  readonly token?: () => string | null;
  /** How often to look whether the control socket is still there. */
  readonly lookEvery?: Millis;
}

type Server = PlainServer | SecureServer;

interface Servers extends AsyncDisposable {
  /** Where TCP listens, with the real port; null: nowhere. */
  readonly tcpAddress: string | null;
  /** Ends all connections of TCP: who was let in may not be any more. */
  dropTcp(): void;
}

/**
 * An import of node:http would copy all that it exports, WebSocket too, and so load the whole of undici for it: 16 MB and
 * 50 ms of each start.
 */
const { createServer } = process.getBuiltinModule('node:http');

/** Each door has its own, so that a crowd at the port leaves the socket free. */
const PLACES = {
  socket: { all: 256, ofPeer: 256, busyOfPeer: 224, shaking: 0 },
  tcp: { all: 512, ofPeer: 256, busyOfPeer: 192, shaking: 24 },
};
/** Those who had to go are still counted by Node for a moment. */
const LEAVING = 64;

/** Connections that wait to be accepted. Of what is above, a client that never says a word never learns (tcp(7)). */
const BACKLOG = 4096;

const HEADERS_TIMEOUT: Millis = 10_000;
const REQUEST_TIMEOUT: Millis = 15_000;
const KEEP_ALIVE_TIMEOUT: Millis = 10_000;
/** How often Node looks for requests that are over their time. */
const CHECK_EVERY: Millis = 5_000;
/** A TCP peer that moves no byte for so long is gone or stuck (event streams say something every 10 s). */
const TCP_IDLE_TIMEOUT: Millis = 30_000;
const LOOK_EVERY: Millis = 5_000;
const WRONG_HOST =
  'opsd listens for this machine only, and the Host of the request names another; ask for localhost or 127.0.0.1, or set daemon.http to an address that others reach';
/** For replies under way at the end, the one to `ctl shutdown` among them. */
const FAREWELL: Millis = 500;

/** Opens both doors. Throws a RuntimeError when one cannot be opened; then neither is. */
export async function startServers(options: ServerOptions): Promise<Servers> {
  await using opened = new AsyncDisposableStack();
  const servers = new Set<Server>();
  opened.defer(() => farewell(servers));
  const streams = opened.use(new EventStreams(options.control));

  const address = options.tcp === '' ? null : parseAddress(options.tcp);
  const makeServer = (door: ListenerKind): Server => {
    let isForAll = door === 'socket' || address === null;
    const mayAsk = ({ headers }: IncomingMessage) => isForAll || isOwnHost(headers.host, address?.host ?? '');
    const crowd = new Crowd(PLACES[door]);
    const { control, log, pageLogs = () => false, hide = (text) => text } = options;
    const certificates = door === 'tcp' ? (options.certificates ?? null) : null;
    const access = new Access(options.token ?? (() => null), certificates?.isForClients ?? false, log);
    const refuses: Refusal = (request, response) => {
      if (door === 'socket') return false;
      if (mayAsk(request)) return access.refuses(request, response);
      reply(response, 403, 'wrong_host', WRONG_HOST);
      return true;
    };
    const listen = newListener({ door, control, log, pageLogs, hide, streams, crowd, refuses });
    const server = newServer(door, listen, certificates);
    server.on('connection', (socket) => crowd.enter(socket, certificates !== null));
    server.on('secureConnection', (socket) => crowd.shaken(socket));
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
      group: options.socketGroup,
      makeServer: () => makeServer('socket'),
      log: options.log,
      lookEvery: options.lookEvery ?? LOOK_EVERY,
    }),
  );
  const all = opened.move();
  const dropTcp = () => tcpServer?.closeAllConnections();
  return { tcpAddress: tcp, dropTcp, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function newServer(door: ListenerKind, listen: RequestListener, certificates: CertificateSource | null): Server {
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
  server.maxConnections = PLACES[door].all + LEAVING;
  server.maxHeadersCount = MAX_HEADERS;
  // On the unix socket an answer may take as long as a service takes to stop.
  server.timeout = door === 'tcp' ? TCP_IDLE_TIMEOUT : 0;
  server.on('clientError', refuse);
  return server;
}

/**
 * Loopback is for who is on this machine, and a browser on it can be made to ask for others (DNS rebinding). Another
 * address is for whoever reaches it, by the names that they have for it.
 */
function isForOthers(server: Server): boolean {
  const bound = server.address();
  return bound !== null && typeof bound === 'object' && !isLoopback(bound.address);
}

function listenOnTcp(server: Server, address: Address): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(address, error)));
    server.listen({ port: address.port, host: address.host, backlog: BACKLOG }, () => {
      server.removeAllListeners('error');
      // What accept(2) reports later (too many open files) must not end the daemon.
      server.on('error', () => undefined);
      const bound = server.address();
      const port = bound !== null && typeof bound === 'object' ? bound.port : address.port;
      resolve(printAddress({ host: address.host, port }));
    });
  });
}

/** Takes no more requests, gives those under way a moment, then ends all. */
async function farewell(servers: ReadonlySet<Server>): Promise<void> {
  const closed = [...servers].map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  for (const server of servers) server.closeIdleConnections();
  using late = new Alarm(() => {
    for (const server of servers) server.closeAllConnections();
  });
  late.set(FAREWELL);
  await Promise.all(closed);
}
