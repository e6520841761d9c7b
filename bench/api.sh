#!/usr/bin/env bash
# The API server: lists, creates against raw SQLite, memory, fan-out of watches.  OBJECTS and WATCHERS make it smaller.
# usage: api.sh BUILD_DIR
set -euo pipefail
build=$(readlink -f "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work KUBECONFIG=$work/kubeconfig PATH="$build:$PATH"
minik up --api-port 6443 >/dev/null
python3 "$here/api.py" "$KUBECONFIG" "${OBJECTS:-10000}" /run/minik/default/pid "$work"
start=$(date +%s%N)
kill -9 "$(cat /run/minik/default/pid)"
minik up --api-port 6443 >/dev/null
echo "restart with all of them:       $((($(date +%s%N) - start) / 1000000)) ms"
minik down >/dev/null
