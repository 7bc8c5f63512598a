// Runs a program without a capability that this process may have.

/** A command in front: `without('sys_resource')`. Who is not root has none to lose. */
export function without(...names: readonly string[]): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const set = names.map((name) => `-${name}`).join(',');
  return ['setpriv', `--bounding-set=${set}`, `--inh-caps=${set}`, '--'];
}
