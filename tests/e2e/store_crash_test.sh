# The store under kill -9: acknowledged writes stay, others are whole or absent, revisions only grow.
# ROUNDS=100 by hand for the long form.
source "$(dirname "$0")/lib.sh"

up
python3 "$SOURCE/tests/support/store_crash.py" "$KUBECONFIG" /run/minik/default/pid "${ROUNDS:-8}" minik up --api-port 6443
down
