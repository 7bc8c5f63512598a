// The kernel's own means to move output and to tell of it: splice(2), epoll(7), and libuv's poll to wait for the latter.

import { loadForeign } from '../proc/ffi.ts';

/**
 * Bytes that opsd has read and not yet written are gone when it is killed. splice(2) moves them from the FIFO to the log
 * inside one system call, which a SIGKILL cannot cut in two: what was not written is still in the FIFO. Node offers it
 * through node:ffi (Node 26.6 and later); where that is missing, outputs are copied by read and write, and the two calls'
 * few microseconds are the price.
 */
export interface Kernel {
  /** Moves up to `limit` bytes to `offset` of a file. The number moved, or minus the errno (EAGAIN: the FIFO is empty). */
  splice(fifo: number, file: number, offset: number, limit: number): number;
  /** More room in a FIFO, where the kernel allows it. */
  growPipe(fd: number, bytes: number): void;
  /** Calls `onReady` while one of its descriptors is readable; never from inside another call. Throws without descriptors. */
  poll(onReady: () => void): Poll;
}

export interface Poll extends Disposable {
  add(fd: number): void;
  remove(fd: number): void;
  /** Those of the descriptors that are readable now, at most 64; in turn, when there are more. */
  readable(): number[];
}

const SPLICE_F_NONBLOCK = 2;
const F_SETPIPE_SZ = 1031;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;
const UV_POLL = 8;
const UV_READABLE = 1;
const MOST_EVENTS = 64;
/** struct epoll_event is packed on x86-64 only (epoll_event(3type)). */
const EVENT_SIZE = process.arch === 'x64' ? 12 : 16;
const EVENT_DATA = process.arch === 'x64' ? 4 : 8;

const FUNCTIONS = {
  splice: { arguments: ['i32', 'pointer', 'i32', 'pointer', 'u64', 'u32'], return: 'i64' },
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  epoll_create1: { arguments: ['i32'], return: 'i32' },
  epoll_ctl: { arguments: ['i32', 'i32', 'i32', 'pointer'], return: 'i32' },
  epoll_wait: { arguments: ['i32', 'pointer', 'i32', 'i32'], return: 'i32' },
  close: { arguments: ['i32'], return: 'i32' },
  __errno_location: { arguments: [], return: 'pointer' },
  uv_handle_size: { arguments: ['i32'], return: 'u64' },
  uv_poll_init: { arguments: ['pointer', 'pointer', 'i32'], return: 'i32' },
  uv_poll_start: { arguments: ['pointer', 'i32', 'pointer'], return: 'i32' },
  uv_unref: { arguments: ['pointer'], return: 'void' },
  uv_close: { arguments: ['pointer', 'pointer'], return: 'void' },
} as const;

/** Memory that libuv uses: what nobody referenced would be given back under its feet. */
const lent = new Set<ArrayBuffer>();

/** null: this Node has no node:ffi, or this C library lacks one of the functions. */
export function loadKernel(): Kernel | null {
  const ffi = loadForeign();
  // Node 26.6 and later can tell where its loop is.
  if (typeof ffi?.getCurrentEventLoop !== 'function') return null;
  try {
    return bind(ffi);
  } catch {
    return null;
  }
}

function bind(ffi: typeof import('node:ffi')): Kernel {
  const { lib, functions: c } = ffi.dlopen(null, FUNCTIONS);
  const errno = c.__errno_location();
  // Larger than 64 bytes, so that V8 keeps the bytes outside of its heap and never moves them.
  const offsets = new BigInt64Array(new ArrayBuffer(128));
  const offsetAt = ffi.getRawPointer(offsets.buffer);
  const events = new DataView(new ArrayBuffer(Math.max(EVENT_SIZE * MOST_EVENTS, 128)));
  const eventsAt = ffi.getRawPointer(events.buffer);

  const control = (epoll: number, operation: number, fd: number): void => {
    events.setUint32(0, EPOLLIN, true);
    events.setUint32(EVENT_DATA, fd, true);
    c.epoll_ctl(epoll, operation, fd, eventsAt);
  };

  return {
    splice(fifo, file, offset, limit) {
      offsets[0] = BigInt(offset);
      const moved = Number(c.splice(fifo, 0n, file, offsetAt, BigInt(limit), SPLICE_F_NONBLOCK));
      return moved >= 0 ? moved : -ffi.getInt32(errno);
    },
    growPipe(fd, bytes) {
      c.fcntl(fd, F_SETPIPE_SZ, bytes);
    },
    poll(onReady) {
      const epoll = c.epoll_create1(EPOLL_CLOEXEC);
      const handle = new ArrayBuffer(Math.max(Number(c.uv_handle_size(UV_POLL)), 128));
      lent.add(handle);
      const handleAt = ffi.getRawPointer(handle);
      if (epoll < 0 || c.uv_poll_init(ffi.getCurrentEventLoop(), handleAt, epoll) !== 0) throw new Error('no epoll');
      let isScheduled = false;
      let isOver = false;
      const inTurn = (): void => {
        isScheduled = false;
        if (!isOver) onReady();
      };
      // Native code calls this: nothing may be thrown here, so that the work itself waits for the loop's next phase.
      const callback = lib.registerCallback({ arguments: ['pointer', 'i32', 'i32'], return: 'void' }, () => {
        if (isScheduled || isOver) return;
        isScheduled = true;
        setImmediate(inTurn);
      });
      c.uv_poll_start(handleAt, UV_READABLE, callback);
      c.uv_unref(handleAt);
      return {
        add: (fd) => control(epoll, EPOLL_CTL_ADD, fd),
        remove: (fd) => control(epoll, EPOLL_CTL_DEL, fd),
        readable() {
          const count = c.epoll_wait(epoll, eventsAt, MOST_EVENTS, 0);
          const found: number[] = [];
          for (let index = 0; index < count; index++)
            found.push(events.getInt32(index * EVENT_SIZE + EVENT_DATA, true));
          return found;
        },
        [Symbol.dispose]() {
          if (isOver) return;
          isOver = true;
          c.uv_close(handleAt, 0n);
          c.close(epoll);
          // libuv finishes a close at the end of this turn of the loop or of the next one; until then the memory is its own.
          const release = (): void => {
            lib.unregisterCallback(callback);
            lent.delete(handle);
          };
          setImmediate(() => setImmediate(() => setImmediate(release)));
        },
      };
    },
  };
}
