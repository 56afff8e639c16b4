#!/bin/sh
# Makes the virtual environment $1 from the lock file $2, leaving out the packages $3..., unless it is there already.
# PYTHON       interpreter to use (otherwise the first fitting one found)
# TORCH_INDEX  address of a package index that has the torch build wanted, asked beside the usual one
set -eu

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

venv=$1
lock=$2
shift 2
fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'
number='import sys; print("%d.%d.%d" % sys.version_info[:3])'

[ -f "$lock" ] || die "There is no lock file $lock; run this in the project's folder."

# What the environment was made from. The same contents need no work, whatever the times of the files say.
wanted="$(cksum "$lock" pyproject.toml)${*:+ without $*}"
stamp=$venv/.made-from
if [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        version=$("$PYTHON" -c "$number" 2>/dev/null) || die "PYTHON=$PYTHON does not start; name a Python 3.11, 3.12 or 3.13."
        "$PYTHON" -c "$fits" || die "PYTHON=$PYTHON is version $version; this study needs Python 3.11, 3.12 or 3.13."
        python=$PYTHON
        return
    fi
    seen=
    for python in python3.11 python3.12 python3.13 python3 python; do
        version=$("$python" -c "$number" 2>/dev/null) || continue
        "$python" -c "$fits" 2>/dev/null && return
        seen="$python is $version"
    done
    die "No Python 3.11, 3.12 or 3.13 was found (${seen:-no Python at all}); install one, or name it: PYTHON=/path/to/python."
}

usable() { [ -f "$venv/pyvenv.cfg" ] && "$venv/bin/python" -c "$fits" 2>/dev/null && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }

case "$lock $* " in
*gpu*) need_gib=25 ;;
*vllm*) need_gib=12 ;;
*" torch "*) need_gib=2 ;;
*) need_gib=${TORCH_INDEX:+4}; need_gib=${need_gib:-8} ;;
esac
mkdir -p "$(dirname "$venv")"
free_kib=$(df -Pk "$(dirname "$venv")" | awk 'NR == 2 { print $4 }')
if [ "$free_kib" -lt $((need_gib * 1024 * 1024)) ]; then
    die "The disk of $venv has $((free_kib / 1024)) MiB free, and the environment needs about $need_gib GiB; free some, or put it elsewhere: VENV=/path."
fi

if ! usable; then
    find_python
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        die "$python ($version) cannot make virtual environments; install its venv module (Debian, Ubuntu: apt install python${version%.*}-venv)."
    if [ -e "$venv" ] && [ ! -f "$venv/pyvenv.cfg" ] && [ -n "$(ls -A "$venv")" ]; then
        die "$venv exists and is not a virtual environment; move it away, or choose another place: VENV=/path."
    fi
    say "Making $venv with $python ($version) from $lock; the first time this takes minutes."
    "$python" -m venv --clear "$venv" || die "$python could not make the virtual environment $venv."
fi
rm -f "$stamp"
# Without what is left out, pip must not look for what the others depend on.
if [ $# -gt 0 ]; then
    awk -v out="$*" 'BEGIN { split(out, names, " "); for (i in names) skip[names[i]] } { split($0, pin, "==") } !(pin[1] in skip)' \
        "$lock" >"$venv/lock"
    lock=$venv/lock
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check ${1:+--no-deps} \
    ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r "$lock" ||
    die "The packages of $lock could not be installed (see above); is the network or the package index reachable?"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -e . ||
    die "This package could not be installed into $venv (see above)."
printf '%s\n' "$wanted" >"$stamp"
