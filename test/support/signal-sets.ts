// Sets of signals as /proc/PID/status prints them.

/**
 * Signals 32 and 33 are the C library's own. Whoever starts programs by posix_spawn (make does) may leave them ignored,
 * and no program can change that through the C library: they are nobody's fault.
 */
const OF_THE_C_LIBRARY = 0x1_8000_0000n;

/** The sets of a line such as `SigIgn:\t0000000000001000`, without the C library's own signals; null: no such line. */
export function signalSet(status: string, name: 'SigIgn' | 'SigBlk'): bigint | null {
  const [, digits] = new RegExp(`^${name}:\\s+([0-9a-f]{16})$`, 'm').exec(status) ?? [];
  return digits === undefined ? null : BigInt(`0x${digits}`) & ~OF_THE_C_LIBRARY;
}
