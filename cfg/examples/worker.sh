# Takes the files out of the folder $QUEUE and prints their checksums: `echo hello >tmp/queue/1`, `opsd ctl logs worker`.

set -eu
trap 'kill "${pause:-}" 2>/dev/null || :; echo "asked to stop: done"; exit 0' TERM

while :; do
  for file in "$QUEUE"/*; do
    if [ -f "$file" ]; then
      cksum "$file"
      rm "$file"
    fi
  done
  # Once a round: when one hangs, the beats end.
  echo beat >"$OPSD_HEARTBEAT_FILE"
  # A shell does not hear signals while a command runs in front; in `wait` it does.
  sleep 2 &
  pause=$!
  wait "$pause"
done
