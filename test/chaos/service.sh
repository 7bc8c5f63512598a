#!/bin/sh
# A service of the chaos test: whatever it prints it has written into its own journal before, with the time.
# usage: service.sh JOURNAL KIND [CHARACTER]
# Journal: UPTIME B GENERATION PID.START ROLE REVISION   born
#          UPTIME L SERVICE GENERATION PID.START NUMBER …  a line that is printed next (l: in the same write as the one before)
#          UPTIME E GENERATION PID.START CODE            ends by itself; all it wrote is out

journal=$1 kind=$2 character=${3:-obedient}
generation=${OPSD_MARKER%%:*}
# What the shell itself says ("Terminated") is no line of the service's.
exec 3>>"$journal" 2>/dev/null

# PID and start time (proc_pid_stat(5), field 22) of the very process that asks: $$ is another in a subshell.
begin() { # ROLE
  number=0 asked=
  read -r pid _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ start _ </proc/self/stat
  read -r now _ </proc/uptime
  echo "$now B $generation $pid.$start $1 ${REVISION:-0}" >&3
}

say() { # TEXT
  number=$((number + 1))
  read -r now _ </proc/uptime
  line="L $OPSD_SERVICE $generation $pid.$start $number $1"
  echo "$now $line" >&3
  echo "$line"
}

# Thirty lines in one write; together they stay below PIPE_BUF (4096 bytes), so that no kill can tear them.
flood() {
  read -r now _ </proc/uptime
  book= lines= letter=L count=0
  while [ $count -lt 30 ]; do
    count=$((count + 1)) number=$((number + 1))
    line="$letter $OPSD_SERVICE $generation $pid.$start $number flood flood flood flood flood flood"
    book="$book$now $line
" lines="$lines$line
" letter=l
  done
  printf %s "$book" >&3
  printf %s "$lines"
}

nap() { # SECONDS; a signal that is trapped ends it
  sleep "$1" &
  wait $!
}

end() { # CODE
  read -r now _ </proc/uptime
  echo "$now E $generation $pid.$start $1" >&3
  exit "$1"
}

# obedient: ends when asked to, after the line it is at. deaf: never.
listen() { # CHARACTER
  if [ "$1" = deaf ]; then trap '' TERM; else trap 'asked=1' TERM; fi
}

work() { # PAUSE [LINES]
  while [ -z "$asked" ] && [ $number -lt "${2:-1000000000}" ]; do
    say work
    nap "$1"
  done
}

child() { # CHARACTER PAUSE
  begin child
  listen "$1"
  work "$2"
  end 0
}

beat() {
  read -r now _ </proc/uptime
  echo "$now" >"$OPSD_HEARTBEAT_FILE"
}

case $kind in
escapee)
  child "$character" 0.8
  ;;
*)
  begin main
  listen "$character"
  ;;
esac

case $kind in
plain)
  work 0.5
  ;;
forking)
  (child "$character" 0.6) &
  (child obedient 0.7) &
  work 0.6
  ;;
daemonizing) # its children have another parent, and stay in its session
  ( (child deaf 0.7) & )
  work 0.6
  ;;
escaping) # its children are in sessions of their own; one ignores SIGTERM
  setsid "$0" "$journal" escapee obedient &
  (setsid "$0" "$journal" escapee deaf &)
  work 0.6 "${4:-1000000000}"
  [ -n "$asked" ] || end 3
  ;;
crashing)
  work 0.2 $((2 + pid % 6))
  [ -n "$asked" ] || end 1
  ;;
beating)
  while [ -z "$asked" ]; do
    say beat
    beat
    nap 0.4
  done
  ;;
silent) # well for a while, then alive and quiet
  while [ -z "$asked" ]; do
    say beat
    [ $number -gt 5 ] || beat
    nap 0.4
  done
  ;;
chatty)
  while [ -z "$asked" ]; do
    flood
    nap 0.1
  done
  ;;
oneshot)
  work 0.05 20
  ;;
flaky) # succeeds at every second try or so
  work 0.05 20
  case $now in *[13579]) end 1 ;; esac
  ;;
esac
end 0
