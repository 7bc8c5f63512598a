// What the watcher runs: sh, as it has to outlive a kill of opsd and costs a fraction of a thread of Node.

/**
 * `sh -s -- PID BORN FOLDER...`: the PID and start time of opsd, and the folders of its FIFOs.
 *
 * The kernel tells all that has to be known: a thread that is in state D and has not run since the last look is held, and
 * /proc/PID/syscall says in which call, with which descriptor or path. So opsd notes nothing before its calls, and a call
 * that nobody thought of is seen as well, as is the end of opsd, where the kernel closes its FIFOs.
 *
 * Only connections with requests that are under way (`waiting`) can be at fault. Writes a line for each step before
 * it acts: `STEP KIND USERS CONNECTIONS SUBJECT`, with tabs. Nothing is read that a service's user can hold: of his
 * processes only /proc/PID/status, of paths only those in FOLDER.
 */
export const WATCH_SCRIPT = String.raw`
pid=$1 born=$2
shift 2
control=/sys/fs/fuse/connections
# Seconds between two looks: ROUND while all is well, 1 while a thread is in D. Steps follow the 2nd, 4th and 6th second.
round=2

# Sets state, flags, start from a stat file.
look() {
  { read -r line < "$1"; } 2>/dev/null || return 1
  set -- ${'$'}{line##*) }
  state=$1 flags=$7 start=${'$'}{20}
}

# Sets switches: it changes whenever the thread runs.
count_switches() {
  switches=
  while read -r name value; do
    case $name in *voluntary_ctxt_switches:) switches=$switches,$value ;; esac
  done 2>/dev/null < "/proc/$pid/task/$1/status"
}

user_of() {
  while read -r name value rest; do
    [ "$name" = Uid: ] && { echo "$value"; return; }
  done 2>/dev/null < "/proc/$1/status"
}

# The users of all services, as far as opsd has a FIFO of theirs.
all_users() {
  for folder; do stat -c %u "$folder"/* 2>/dev/null; done | grep -v '^0$' | sort -un | tr '\n' ' '
}

path_at() {
  dd if="/proc/$pid/mem" bs=512 count=1 skip="$(($1))" iflag=skip_bytes 2>/dev/null | tr '\0' '\n' | head -n 1
}

# Sets kind, users and subject of what a thread waits for; fails when that is nothing that a service could hold.
find_subject() {
  thread=$1
  shift
  kind= users= subject=
  if [ $((flags & 4)) -ne 0 ]; then
    kind=other users=$(all_users "$@") subject=-
    return
  fi
  { read -r number first second rest < "/proc/$pid/task/$thread/syscall"; } 2>/dev/null || return 1
  file=
  case $first in
    0xffffff9c | 0xffffffffffffff9c) path=$(path_at "$second") ;;
    0x? | 0x?? | 0x??? | 0x???? | 0x?????) file=/proc/$pid/fd/$((first)) path=$(readlink "$file") ;;
    0x*) path=$(path_at "$first") ;;
    *) return 1 ;;
  esac
  # close(2): the descriptor is gone already.
  if [ -n "$file" ] && [ -z "$path" ]; then
    case $number in 3 | 57) kind=other users=$(all_users "$@") subject=- && return ;; esac
    return 1
  fi
  case $path in
    /proc/self/fd/* | /proc/"$pid"/fd/*) file=/proc/$pid/fd/${'$'}{path##*/} path=$(readlink "$file") ;;
  esac
  case $path in
    /proc/self/*) return 1 ;;
    /proc/[0-9]*)
      subject=${'$'}{path#/proc/} subject=${'$'}{subject%%/*}
      kind=proc users=$(user_of "$subject") ;;
    *)
      for folder; do
        case $path in "$folder"/*) file=${'$'}{file:-$path} ;; esac
      done
      [ -n "$file" ] && [ -p "$file" ] || return 1
      kind=fifo users=$(stat -L -c %u "$file") subject=$path ;;
  esac
  # A pipe of opsd's own, such as that of readiness, tells of no user.
  [ "$users" != 0 ] || kind=other users=$(all_users "$@")
}

# Whether step $1 may abort what user $2 mounted as the device $3.
may_abort() {
  case $1 in
    1) case " $users " in *" $2 "*) return 0 ;; *) return 1 ;; esac ;;
    2) [ "$2" -ge 1000 ] ;;
    # Another kind of disk has its connections here as well: perhaps that of this host.
    *) ! grep -q "^[0-9]* [0-9]* 0:$3 .* - virtiofs " /proc/self/mountinfo ;;
  esac
}

abort() {
  step=$1 guilty= count=0
  [ -e "$control" ] || return
  if [ -z "$mounted" ]; then mount -t fusectl opsd "$control" 2>/dev/null; mounted=1; fi
  for each in "$control"/*; do
    { read -r waiting < "$each/waiting"; } 2>/dev/null || continue
    [ "$waiting" -gt 0 ] && may_abort "$step" "$(stat -c %u "$each")" "${'$'}{each##*/}" || continue
    guilty="$guilty $each" count=$((count + 1))
  done
  printf '%s\t%s\t%s\t%s\t%s\n' "$step" "$kind" "${'$'}{users% }" "$count" "$subject"
  for each in $guilty; do echo 1 > "$each/abort"; done 2>/dev/null
}

mounted= before= rounds=0
while :; do
  [ -z "$before" ] && sleep "$round" || sleep 1
  look "/proc/$pid/stat" && [ "$start" = "$born" ] || exit 0
  was=$state rounds=$((rounds + 1)) now=
  # The main thread in each round, the others in some: what they are at may wait a little.
  threads=$pid
  if [ -n "$before" ] || [ "$was" = Z ] || [ $((rounds % 5)) -eq 0 ]; then threads=$(cd "/proc/$pid/task" 2>/dev/null && echo *); fi
  for thread in $threads; do
    look "/proc/$pid/task/$thread/stat" && [ "$state" = D ] || continue
    count_switches "$thread"
    seconds=0
    for each in $before; do
      case $each in "$thread:$switches:"*) seconds=$((${'$'}{each##*:} + 1)) ;; esac
    done
    now="$now $thread:$switches:$seconds"
    case $seconds in
      2 | 4 | 6) find_subject "$thread" "$@" && { [ "$subject" != - ] || [ "$seconds" -lt 6 ]; } && abort $((seconds / 2)) ;;
    esac
  done
  before=$now
  [ "$was" = Z ] && [ -z "$now" ] && exit 0
done
`;
