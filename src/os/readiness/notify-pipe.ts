// Readiness by s6's protocol: the service writes a newline to a descriptor that it was born with.

import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { makeFifos } from '../fifo/fifo.ts';

const NEWLINE = 0x0a;

/**
 * A named pipe, not an anonymous one: what is written while no opsd is there waits in it for the next one. The service
 * holds both ends, so that it gets no SIGPIPE meanwhile.
 */
export class NotifyPipe implements Disposable {
  readonly #fd: number;
  readonly #socket: Socket;

  /** Throws what the system says, where there can be none. */
  constructor(path: string, onNewline: () => void) {
    makeFifos([path]);
    this.#fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    this.#socket = new Socket({ fd: this.#fd, readable: true, writable: false });
    this.#socket.on('data', (bytes: Buffer) => {
      if (bytes.includes(NEWLINE)) onNewline();
    });
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.unref();
  }

  /** For the child; the caller closes it. */
  openForChild(): number {
    return openSync(`/proc/self/fd/${this.#fd}`, constants.O_RDWR);
  }

  /** The pipe itself stays: what the service writes from now on waits for the next opsd. */
  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** The child has its own copy by then. */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Closed already.
  }
}
