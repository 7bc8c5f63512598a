# The service of the benchmark where there is no C compiler: slower to start, the same to look at. child.c says what it does.
tell() { echo "$2 $$ $(date +%s%N)" >>"$1"; }
[ "${3:-}" != linger ] || trap 'sleep "$(($4 / 1000)).$(printf %03d $(($4 % 1000)))"; exit 0' TERM
tell "$1" "$2"
case "${3:-}" in
  flood)
    yes "$(printf '%099d' 0)" | head -c "$4"
    tell "$1" "$2"
    ;;
  beat) while sleep 1; do : >"$OPSD_HEARTBEAT_FILE"; done ;;
  live)
    sleep "$(($$ % 1000 * $4 / 500000))"
    exit 3
    ;;
  linger) while :; do sleep 1 & wait $!; done ;;
esac
exec sleep infinity
