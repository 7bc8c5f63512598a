// How long the path of a unix socket may be.

/** Bytes of `sun_path` (unix(7)), without the NUL at its end. */
export const LONGEST_SOCKET_PATH = 107;
