// Calls of the kernel that move output and report readable FIFOs: splice(2), epoll(7), and libuv's poll to wait for
// epoll.

import { loadForeign } from '../proc/ffi.ts';

/**
 * Bytes that opsd has read but not written are lost when opsd is killed. splice(2) moves them from the FIFO to the log
 * within one system call, which SIGKILL cannot interrupt: what was not written is still in the FIFO. It needs node:ffi
 * (Node 26.6 and later). Without it output is copied by read(2) and write(2), and is at risk for the microseconds
 * between the two.
 */
export interface Kernel {
  /**
   * Moves up to `limit` bytes from the FIFO to `offset` of a file. Returns the number moved, or minus the errno
   * (EAGAIN: the FIFO is empty).
   */
  splice(fifo: number, file: number, offset: number, limit: number): number;
  /** Enlarges the buffer of a FIFO if the kernel allows it. */
  growPipe(fd: number, bytes: number): void;
  /**
   * Calls `onReady` while one of its descriptors is readable, never within another call. Throws when no descriptor is
   * left.
   */
  poll(onReady: () => void): Poll;
}

export interface Poll extends Disposable {
  add(fd: number): void;
  remove(fd: number): void;
  /** The readable descriptors, at most 64; if there are more, each call returns the next ones. */
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

/** Memory that libuv uses: referenced here, so that it is not garbage-collected. */
const lent = new Set<ArrayBuffer>();

/** null: this Node has no node:ffi, or this C library lacks one of the functions. */
export function loadKernel(): Kernel | null {
  const ffi = loadForeign();
  // getCurrentEventLoop exists in Node 26.6 and later.
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
  // Larger than 64 bytes: V8 keeps such a buffer outside of its heap and never moves it.
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
      // Native code calls this, so it must not throw: the work waits for the next phase of the event loop.
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
          // libuv completes a close at the end of this turn of the event loop or of the next; until then it uses the
          // memory.
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
