# Runs web.mjs beside it with a Node that is there: the one of an installed opsd, else the first in PATH (`make run`).

here=${0%/*}
for node in "$here/../../lib/current/bin/node" "$(command -v node)"; do
  if [ -x "$node" ]; then exec "$node" "$here/web.mjs"; fi
done
echo 'no node in PATH: install Node 18 or newer, or remove [services.web] from cfg/config.toml' >&2
exit 78
