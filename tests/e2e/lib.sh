# Helpers of the end-to-end tests.  `source "$(dirname "$0")/lib.sh"`.
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
set -E
trap 'echo "FAILED: ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND" >&2' ERR
k() { kubectl --cache-dir="$WORK/cache" "$@"; }

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# expect WHAT PATTERN: standard input holds a line that matches (extended regular expression).
expect() {
  local what=$1 pattern=$2 text
  text=$(cat)
  grep -qE -- "$pattern" <<<"$text" || fail "$what: no line matches /$pattern/ in:"$'\n'"$text"
}
refuse() {
  local what=$1 pattern=$2 text
  text=$(cat)
  ! grep -qE -- "$pattern" <<<"$text" || fail "$what: a line matches /$pattern/ in:"$'\n'"$text"
}

# eventually SECONDS COMMAND…: until it succeeds.
eventually() {
  local seconds=$1 end
  shift
  end=$(($(date +%s) + seconds))
  until "$@" >"$WORK/eventually" 2>&1; do
    if (($(date +%s) > end)); then
      fail "not within $seconds s: $*"$'\n'"$(cat "$WORK/eventually")"
    fi
    sleep 0.05
  done
}

up() { minik up --api-port 6443 "$@" >"$WORK/up" 2>&1 || fail "minik up $*: $(cat "$WORK/up")"; }
down() { minik down "$@" >"$WORK/down" 2>&1 || fail "minik down: $(cat "$WORK/down")"; }
ready() { k wait --for=condition=Ready "$@" --timeout=60s >/dev/null || fail "not ready: $*: $(k get pods -A -o wide; k get events -A)"; }
available() { k rollout status "deploy/$1" --timeout=60s >/dev/null || fail "not available: $1: $(k get pods -A -o wide; k get events -A)"; }
cluster_ip() { k get service "$1" -o 'jsonpath={.spec.clusterIP}'; }
node() { nsenter --net=/run/netns/minik-default-node-1 "$@"; }
daemon_pid() { cat /run/minik/default/pid; }

# exits WANTED COMMAND…: the command's exit code is this; its output is kept in $WORK/output.
exits() {
  local wanted=$1 code=0
  shift
  "$@" >"$WORK/output" 2>&1 || code=$?
  [[ $code == "$wanted" ]] || fail "exit code $code, not $wanted: $*"$'\n'"$(cat "$WORK/output")"
}
