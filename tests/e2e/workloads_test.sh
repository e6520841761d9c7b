#!/usr/bin/env bash
# Kinds that controllers run pods for, as a person uses them with stock kubectl: apply, look, roll out, undo,
# scale, drain against a budget, end.
source "$(dirname "$0")/lib.sh"
up

k apply -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: busybox, command: [sleep, "1000"]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: busybox, command: [sleep, "1000"]}]}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: old}
spec:
  replicas: 1
  template:
    metadata: {labels: {app: old}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: busybox, command: [sleep, "1000"]}]}
YAML
k rollout status ds/agent --timeout=60s | grep -q 'successfully rolled out' || fail "DaemonSet not rolled out"
k rollout status sts/db --timeout=60s | grep -q 'roll out complete: 2 new pods' || fail "StatefulSet not rolled out"
[[ $(k get sts db -o jsonpath='{.status.readyReplicas}') == 2 ]] || fail "db is not ready"
[[ $(k get pod db-1 -o jsonpath='{.metadata.labels.apps\.kubernetes\.io/pod-index}') == 1 ]] || fail "no pod-index"
k get ds agent -o wide | grep -Eq '^agent +1 +1 +1 +1 +1 +<none> .* app=agent$' || fail "$(k get ds agent -o wide)"
k get rc old -o wide | grep -Eq '^old +1 +1 +1 .* app=old$' || fail "$(k get rc old -o wide)"
k describe sts db | grep -q 'create Pod db-0 in StatefulSet db successful' || fail "no Event of db-0"
k describe ds agent | grep -q 'Created pod: agent-' || fail "no Event of the DaemonSet"

# A rollout, its history, and the way back.
k rollout restart sts/db >/dev/null
k rollout status sts/db --timeout=60s >/dev/null || fail "restart of db"
k set image ds/agent c=busybox:2 >/dev/null
k rollout status ds/agent --timeout=60s >/dev/null || fail "update of agent"
[[ $(k rollout history ds/agent | grep -c '<none>') == 2 ]] || fail "$(k rollout history ds/agent)"
k rollout undo ds/agent >/dev/null
k rollout status ds/agent --timeout=60s >/dev/null || fail "undo of agent"
[[ $(k get ds agent -o jsonpath='{.spec.template.spec.containers[0].image}') == busybox ]] || fail "not undone"

# A budget holds evictions back.
k create pdb keep --selector=app=db --min-available=2 >/dev/null
k wait --for=jsonpath='{.status.currentHealthy}'=2 pdb/keep --timeout=20s >/dev/null || fail "budget not counted"
exits 1 k drain node-1 --ignore-daemonsets --force --pod-selector app=db --timeout=3s
grep -q "would violate the pod's disruption budget" "$WORK/output" || fail "$(cat "$WORK/output")"
[[ $(k get pods -l app=db --no-headers | wc -l) == 2 ]] || fail "a pod was evicted against the budget"
k delete pdb keep >/dev/null
k drain node-1 --ignore-daemonsets --force --pod-selector app=db --timeout=30s >/dev/null || fail "drain"
k uncordon node-1 >/dev/null
k rollout status sts/db --timeout=60s >/dev/null || fail "db does not come back"

k scale sts/db --replicas=1 >/dev/null
k wait --for=delete pod/db-1 --timeout=30s >/dev/null || fail "db-1 stays"
k scale rc/old --replicas=2 >/dev/null
k wait --for=jsonpath='{.status.readyReplicas}'=2 rc/old --timeout=30s >/dev/null || fail "old does not grow"
[[ $(k get rc old --subresource=scale -o jsonpath='{.status.selector}') == app=old ]] || fail "selector of Scale"

# Jobs: one that completes, one that fails.
k create job good --image=busybox -- sh -c 'exit 0' >/dev/null
k wait --for=condition=complete job/good --timeout=30s >/dev/null || fail "$(k describe job good)"
k get job good | grep -Eq '^good +Complete +1/1 ' || fail "$(k get job good)"
k describe job good | grep -q 'Job completed' || fail "no Event of the end"
k apply -f - >/dev/null <<'YAML'
apiVersion: batch/v1
kind: Job
metadata: {name: bad}
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: [sh, -c, exit 3]}]}}
YAML
k wait --for=condition=failed job/bad --timeout=30s >/dev/null || fail "$(k describe job bad)"
[[ $(k get job bad -o jsonpath='{.status.conditions[?(@.type=="Failed")].reason}') == BackoffLimitExceeded ]] ||
  fail "$(k get job bad -o yaml)"
k create cronjob tick --image=busybox --schedule='*/5 * * * *' >/dev/null || fail "cronjob"
exits 1 k create cronjob tock --image=busybox --schedule='every day'
grep -q 'expected exactly 5 fields, found 2: \[every day\]' "$WORK/output" || fail "$(cat "$WORK/output")"

# The three ways to delete an owner.
k delete job good bad --timeout=30s >/dev/null
for _ in {1..50}; do [[ -z $(k get pods -l job-name --no-headers 2>/dev/null) ]] && break; sleep 0.1; done
[[ -z $(k get pods -l job-name --no-headers 2>/dev/null) ]] || fail "pods of deleted Jobs stay"
k delete rc old --cascade=orphan >/dev/null
[[ $(k get pods -l app=old --no-headers | wc -l) == 2 ]] || fail "orphans are gone"
k delete sts db --cascade=foreground --timeout=30s >/dev/null || fail "foreground"
[[ -z $(k get pods -l app=db --no-headers 2>/dev/null) ]] || fail "the owner went before its pods"
down
