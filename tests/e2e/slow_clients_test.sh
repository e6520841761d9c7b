# Slow, silent and vanished clients are ended, and what they held is given back.
source "$(dirname "$0")/lib.sh"

up
python3 "$SOURCE/tests/support/slow_clients.py" "$KUBECONFIG" /run/minik/default/pid || fail "slow clients"
down
