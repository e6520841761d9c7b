# The official JavaScript client (tests/clients/javascript) as a second, independent client.
# `./dev test` installs it below build/ when this machine has npm and its registry answers.
source "$(dirname "$0")/lib.sh"

modules=$BUILD/client-node
[[ -d $modules/node_modules/@kubernetes/client-node ]] || { echo "SKIPPED: no $modules (./dev clients installs it)"; exit 77; }
up
cat >"$WORK/restart" <<'RESTART'
kill -9 "$(cat /run/minik/default/pid)"
minik up --api-port 6443 >"$WORK/up-again" 2>&1 || { cat "$WORK/up-again"; exit 1; }
RESTART
timeout 200 node "$SOURCE/tests/clients/javascript/client.mjs" "$modules" "bash $WORK/restart" || fail "client.mjs"
down
