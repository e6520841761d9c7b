#!/usr/bin/env bash
# The demo: minik's main job on examples/hello-service, told step by step.  Run it through `sudo ./dev demo`.
# usage: demo.sh PATH_TO_MINIK
set -euo pipefail
minik=$(readlink -f "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
export HOME=$work KUBECONFIG=$work/kubeconfig
minik() { "$minik" "$@"; }
cleanup() {
  touch "$work/stop"
  wait
  minik down >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN {printf "%.2f s", b - a}'; }
run() {
  printf '$ %s\n' "$*"
  "$@"
}
# answers COMMAND…: forty answers, counted.
answers() {
  local i
  for i in $(seq 40); do "$@"; done | sort | uniq -c
}

start=$(now)
step "Start a cluster"
run minik up

step "Two replicas behind a Service, and a client pod"
applied=$(now)
run minik apply -f "$here/hello-service/"
minik rollout status deploy/hello --timeout=60s >/dev/null
minik wait --for=condition=Ready pod/client --timeout=60s >/dev/null
minik exec client -- curl -sf -m 5 http://hello >/dev/null
echo "(applied, ready, and the first answer by name: $(since "$applied"))"
run minik get pods,svc,endpoints -o wide

ip=$(minik get svc hello -o 'jsonpath={.spec.clusterIP}')
step "Forty answers to the host, by ClusterIP ($ip): both replicas"
answers curl -sf -m 5 "http://$ip/"
step "The same from the client pod: by ClusterIP, and forty times by name"
run minik exec client -- curl -sf -m 5 "http://$ip/"
minik exec client -- sh -c 'for i in $(seq 40); do curl -sf -m 5 http://hello; done' | sort | uniq -c
step "The host asks the cluster's DNS, too, and uses the name's address"
run dig +short hello.default.svc.cluster.local @10.96.0.10
run curl -sf -m 5 --resolve "hello.default.svc.cluster.local:80:$(dig +short hello.default.svc.cluster.local @10.96.0.10)" \
  http://hello.default.svc.cluster.local/

step "Delete a pod while a client asks all the time"
(
  sent=0 failed=0
  while [[ ! -e $work/stop ]]; do
    sent=$((sent + 1))
    curl -sf -m 5 "http://$ip/" >/dev/null || failed=$((failed + 1))
  done
  echo "$sent $failed" >"$work/loop"
) &
sleep 0.5
victim=$(minik get pods -l app=hello -o 'jsonpath={.items[0].metadata.name}')
replaced=$(now)
run minik delete pod "$victim"
minik rollout status deploy/hello --timeout=60s >/dev/null
echo "(replaced in $(since "$replaced"))"
run minik get pods,endpoints -o wide
sleep 0.5
touch "$work/stop"
wait
read -r sent failed <"$work/loop"
echo "The client sent $sent requests; $failed failed."
[[ $failed == 0 ]]

step "Take everything down"
run minik down
left=$(
  ls /run/netns 2>/dev/null
  ip -br link | awk '$1 !~ /^lo/ && $1 ~ /^(mk|cbr|minik)/ {print $1}'
  awk '$5 ~ /minik/ && $5 != "/var/lib/minik" {print $5}' /proc/self/mountinfo
  ls /run/minik /var/lib/minik/default 2>/dev/null
  pgrep -f "minik-shim|$minik up" || true
)
[[ -z $left ]] || { echo "left behind: $left"; exit 1; }
echo "Nothing is left: no namespace, link, mount, file or process. The whole demo took $(since "$start")."
