#!/usr/bin/env bash
# `minik up` to the first answer of a Service by its name, image present: ten runs, median.
# usage: up.sh BUILD_DIR
set -euo pipefail
build=$(readlink -f "$1")
source_dir=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work KUBECONFIG=$work/kubeconfig PATH="$build:$PATH"
now() { date +%s%N; }
for _ in $(seq 10); do
  start=$(now)
  minik up >/dev/null
  up=$(now)
  minik apply -f "$source_dir/examples/hello-service/" >/dev/null
  # The node asks the cluster's DNS and then the address it got: the first answer of the Service by its name.
  until ip=$(dig +short +time=1 +tries=1 hello.default.svc.cluster.local @10.96.0.10) && curl -sf -m 1 "http://$ip/" >/dev/null; do
    sleep 0.005
  done
  answered=$(now)
  minik down >/dev/null
  echo "$(((up - start) / 1000000)) $(((answered - start) / 1000000))"
done >"$work/runs"
median() { sort -n | awk '{a[NR] = $1} END {print (a[int((NR + 1) / 2)] + a[int((NR + 2) / 2)]) / 2}'; }
echo "up:                              median $(awk '{print $1}' "$work/runs" | median) ms of 10"
echo "up to the first answer by name:  median $(awk '{print $2}' "$work/runs" | median) ms of 10 (runs: $(awk '{print $2}' "$work/runs" | tr '\n' ' '))"
