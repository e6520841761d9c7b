#!/usr/bin/env bash
# The API server against baselines of the same run: static bytes over the same server, raw SQLite on the same disk.
# OBJECTS, WATCHERS and COLD make it smaller.
# usage: api.sh BUILD_DIR
set -euo pipefail
build=$(readlink -f "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'umount -q /var/lib/minik 2>/dev/null; rm -rf "$work"' EXIT
export HOME=$work KUBECONFIG=$work/kubeconfig PATH="$build:$PATH"
# On the disk: a private place keeps its state in memory, where fsync costs nothing.
mkdir "$work/state"
mount --bind "$work/state" /var/lib/minik
minik up --api-port 6443 >/dev/null
python3 "$here/api.py" "$KUBECONFIG" /run/minik/default/pid /var/lib/minik/default
minik down >/dev/null
