// What opsd uses of pidusage, which comes without types.

declare module 'pidusage' {
  interface Answer {
    /** Bytes. */
    readonly memory: number;
    /** User and system time in milliseconds. */
    readonly ctime: number;
  }
  /** Resolves for the PIDs that exist; rejects when a single PID is asked for and does not exist. */
  export default function pidusage(
    pids: number[],
    options: { readonly maxage: number },
  ): Promise<Readonly<Record<number, Answer | null | undefined>>>;
}
