// Hands a connection's bytes to the HTTP parser of Node in small pieces, so that a connection can be ended between two of them.

import type { Socket } from 'node:net';

/** A head of HTTP has at least 16 bytes: so many messages at most begin in one piece, instead of thousands in 64 KiB. */
const PIECE_BYTES = 128;

/**
 * Node parses all that it has read (64 KiB) in one go, and makes objects for each message in it, even after the connection
 * was destroyed. For a socket that Node listens to already: a listener for `data` also takes the bytes back from a parser
 * that reads by itself.
 */
export function parseInPieces(socket: Socket): void {
  const [parse] = socket.listeners('data');
  if (parse === undefined) return;
  socket.on('data', (bytes: Buffer) => {
    let at = 0;
    // After the last answer, or an error, nothing more is of interest.
    while (at < bytes.length && socket.writable) {
      // What is left waits until the body or the answers before it were taken.
      if (socket.isPaused()) {
        socket.unshift(bytes.subarray(at));
        return;
      }
      Reflect.apply(parse, socket, [bytes.subarray(at, at + PIECE_BYTES)]);
      at += PIECE_BYTES;
    }
  });
  socket.removeListener('data', parse);
}
