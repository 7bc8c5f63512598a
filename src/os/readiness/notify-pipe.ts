// Readiness by the protocol of s6: the service writes a newline to a descriptor that it inherits.

import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { makeFifos } from '../fifo/fifo.ts';

const NEWLINE = 0x0a;

/**
 * A FIFO, not an anonymous pipe: what the service writes while no opsd runs waits there for the next one. The service
 * holds both ends, so that it gets no SIGPIPE meanwhile.
 */
export class NotifyPipe implements Disposable {
  readonly #fd: number;
  readonly #socket: Socket;

  /** Throws the system's error if the FIFO cannot be made or opened. */
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

  /** The descriptor for the child; the caller closes it. */
  openForChild(): number {
    return openSync(`/proc/self/fd/${this.#fd}`, constants.O_RDWR);
  }

  /** The FIFO stays: what the service writes from now on waits for the next opsd. */
  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** Closes a descriptor of which the child has its own copy. */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // The descriptor was closed already.
  }
}
