// The time zone of the host, which an administrator may change while opsd runs (timedatectl set-timezone).

/**
 * Reads /etc/localtime again: V8 does so only when TZ of the environment is set. Where TZ was set at the start, it stays
 * the zone. Returns its IANA name.
 */
export function readHostZone(): string {
  const { TZ } = process.env;
  process.env.TZ = TZ ?? '';
  if (TZ === undefined) delete process.env.TZ;
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
