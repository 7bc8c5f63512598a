#!/bin/bash
# make install: puts the runtime, the command, the unit and the configuration in place, also over an opsd that runs.
#
# A version lives in a folder of its own, <PREFIX>/opsd/lib/<version>-<hash>, which never changes once it has its name;
# the link `current` beside it is switched in one rename(2). A daemon that runs keeps the folder that it was started
# from, so what it loads later still fits; `opsd ctl handover` then starts the new one.

set -euo pipefail
cd "$(dirname "$0")/.."

: "${PREFIX:=/srv}" "${BINDIR:=/usr/local/bin}" "${UNITDIR:=/etc/systemd/system}" "${DESTDIR:=}"
no() { printf 'make install: %s\n' "$*" >&2; exit 1; }
for path in "$PREFIX" "$BINDIR" "$UNITDIR"; do
  case $path in
    /*[!A-Za-z0-9/._-]*) no "'$path' has a character that a unit file would not take as it is: choose another path" ;;
    /*) ;;
    *) no "'$path' is not absolute: PREFIX, BINDIR and UNITDIR begin with /" ;;
  esac
done
node=node_modules/.bin/node
[ -x dist/main.js ] && [ -x $node ] || no "nothing is built here: run it as 'make install'"

root=$DESTDIR$PREFIX lib=$DESTDIR$PREFIX/opsd/lib

# A folder that is there keeps the mode that its owner gave it.
folder() { # MODE PATH
  [ -d "$2" ] || install -d -m "$1" "$2" 2>/dev/null || no "cannot make $2: run it as root, or choose a PREFIX of your own"
}
folder 0755 "$root"
folder 0700 "$root/key"
folder 0755 "$root/run"
folder 0755 "$root/data"
folder 0700 "$root/data/opsd"
for name in '' /cfg /log /tmp /lib; do folder 0755 "$root/opsd$name"; done
folder 0755 "$DESTDIR$BINDIR"
folder 0755 "$DESTDIR$UNITDIR"
for path in "$lib" "$root/opsd/cfg" "$DESTDIR$BINDIR" "$DESTDIR$UNITDIR"; do
  [ -w "$path" ] || no "cannot write to $path: run it as root, or choose a PREFIX of your own"
done

# Configuration and unit as this version has them, for these paths.
ship() { # FOLDER
  mkdir -p "$1/cfg" "$1/unit"
  cp -r cfg/. "$1/cfg/"
  # Only to be copied by whoever wants one: which sockets there are to be, nobody but the operator knows.
  cp systemd/opsd.socket "$1/cfg/examples/"
  cp -r systemd/opsd.service systemd/opsd.service.d "$1/unit/"
  find "$1" -type f \( -name 'opsd.service' -o -path '*/opsd.service.d/*' -o -name logrotate.conf \) -exec \
    sed -i -e "s|/srv\b|$PREFIX|g" -e "s|/usr/local/bin/opsd\b|$BINDIR/opsd|g" {} +
}

# ---- runtime -----------------------------------------------------------------------------------
packages=$($node -e '
  const { packages } = JSON.parse(require("node:fs").readFileSync("package-lock.json", "utf8"));
  for (const [path, { dev, optional }] of Object.entries(packages)) {
    if (path !== "" && !dev && !(optional && !require("node:fs").existsSync(path))) console.log(path);
  }')
version=$($node -p 'require("./package.json").version')
hash=$({ $node --version; echo "$PREFIX $BINDIR"; find package.json package-lock.json dist cfg systemd -type f -print0 | sort -z | xargs -0 sha256sum; } |
  sha256sum | cut -c 1-12)
name=$version-$hash
before=$(readlink "$lib/current" || true)

if ! [ -d "$lib/$name" ]; then
  new=$lib/.new.$$
  trap 'rm -rf "$new"' EXIT
  mkdir -m 0755 "$new" "$new/bin"
  # The same Node as in the version before takes no second 150 MB.
  cmp -s $node "$lib/$before/bin/node" && ln "$lib/$before/bin/node" "$new/bin/node" || install -m 0755 $node "$new/bin/node"
  cp -r package.json dist "$new/"
  ship "$new/shipped"
  # Parents come before what is nested in them, and bring it along.
  for path in $packages; do
    [ -d "$new/$path" ] || { mkdir -p "$new/${path%/*}" && cp -r "$path" "$new/$path"; }
  done
  # Types and maps are for building.
  find "$new/node_modules" -type f \( -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.map' \) -delete
  chmod -R u=rwX,go=rX "$new"
  mv -T "$new" "$lib/$name"
  trap - EXIT
fi
ln -sfn "$name" "$lib/.current.$$"
mv -T "$lib/.current.$$" "$lib/current"

# What is neither this version, nor the one before (the way back), nor runs any more.
running=$(readlink /proc/[0-9]*/exe || true)
for old in "$lib"/[0-9]*-*/; do
  old=$(realpath "$old")
  case ${old##*/} in "$name" | "$before") continue ;; esac
  if ! grep -qxF "$old/bin/node" <<<"$running"; then rm -rf "$old"; fi
done

# ---- command -----------------------------------------------------------------------------------
cat >"$DESTDIR$BINDIR/.opsd.new" <<EOF
#!/bin/sh
# opsd, with the Node that it was installed with.
PREFIX=\${PREFIX:-$PREFIX}
export PREFIX
# Resolved once: an upgrade between two steps must not mix versions.
lib=\$(readlink -f $PREFIX/opsd/lib/current) || exit 2
# Small young generation, one thread for V8: 20 MB less, and no slower; no debugger by SIGUSR1. The Makefile says the same.
exec "\$lib/bin/node" --max-semi-space-size=1 --v8-pool-size=1 --inspect-port=192.0.2.1 "\$lib/dist/main.js" "\$@"
EOF
chmod 0755 "$DESTDIR$BINDIR/.opsd.new"
mv -T "$DESTDIR$BINDIR/.opsd.new" "$DESTDIR$BINDIR/opsd"

# ---- configuration and unit --------------------------------------------------------------------
# What a person changed is never overwritten: where this version ships another file than the version before, it is put
# beside it. What is as the version before had it was changed by nobody.
keep() { # FOLDER-IN-SHIPPED TARGET-FOLDER
  local file target
  (cd "$lib/$name/shipped/$1" && find . -type f -printf '%P\n' | sort) | while read -r file; do
    target=$2/$file
    folder 0755 "${target%/*}"
    install -m 0644 "$lib/$name/shipped/$1/$file" "$target.new"
    if ! [ -e "$target" ] || cmp -s "$target" "$target.new" || cmp -s "$target" "$lib/$before/shipped/$1/$file"; then
      mv -T "$target.new" "$target"
    elif cmp -s "$target.new" "$lib/$before/shipped/$1/$file"; then
      rm -f "$target.new"
    else
      echo "kept $target as it is; this version's is beside it: ${target##*/}.new"
    fi
  done
}
keep cfg "$root/opsd/cfg"
keep unit "$DESTDIR$UNITDIR"

if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
echo "opsd $name is installed in $PREFIX/opsd/lib"
if [ -n "$before" ] && [ "$before" != "$name" ]; then
  echo "next: opsd ctl handover    (the new version takes over, services stay up)"
else
  echo "next: systemctl enable --now opsd"
fi
