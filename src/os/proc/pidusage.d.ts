// What opsd uses of pidusage, which comes without types.

declare module 'pidusage' {
  interface Answer {
    /** Bytes. */
    readonly memory: number;
    /** User and system time in milliseconds. */
    readonly ctime: number;
  }
  /** Answers for what is there; rejects when the only one asked for is not. */
  export default function pidusage(
    pids: number[],
    options: { readonly maxage: number },
  ): Promise<Readonly<Record<number, Answer | null | undefined>>>;
}
