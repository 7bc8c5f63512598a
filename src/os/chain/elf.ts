// Finds the dynamic loader that a program names in its ELF header (elf(5)).

const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const PT_INTERP = 3;
/** Bytes of a program header of ELFCLASS64. */
const PROGRAM_HEADER = 56;

/**
 * `head`: the first bytes of the file, where linkers put what is read here. null: the program needs no loader, or
 * names it further behind.
 */
export function loaderIn(head: Buffer): string | null {
  if (head.length < 64 || head[4] !== CLASS_64 || head[5] !== LITTLE_ENDIAN) return null;
  const offset = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  if (size < PROGRAM_HEADER) return null;
  for (let index = 0; index < count; index += 1) {
    const at = offset + index * size;
    if (at + PROGRAM_HEADER > head.length) return null;
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const from = Number(head.readBigUInt64LE(at + 8));
    const until = from + Number(head.readBigUInt64LE(at + 32));
    const path = until > head.length ? '' : (head.toString('utf8', from, until).split('\0')[0] ?? '');
    return path.startsWith('/') ? path : null;
  }
  return null;
}
