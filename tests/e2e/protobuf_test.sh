#!/usr/bin/env bash
# kubectl from 1.32 on sends its generators' objects as protobuf: each of them, and that the object is the one that
# `--dry-run=client` describes.
source "$(dirname "$0")/lib.sh"

unpack=$SOURCE/../shared/kubectl/unpack
[[ -x $unpack ]] || unpack=/work/shared/kubectl/unpack
[[ -x $unpack ]] || { echo "SKIPPED: kubectl 1.33 is not beside this checkout ($unpack)"; exit 77; }
kubectl=$("$unpack" "$WORK/kubectls" | grep -F 1.33)
kubectl() { "$kubectl" --cache-dir="$WORK/cache" "$@"; }
[[ $(kubectl version --client -o json | jq -r .clientVersion.minor) == 33 ]] || fail "no kubectl 1.33"
up

# subset WANTED HAVE: every member of the one JSON file is in the other; of no account: null, {} and what is unset.
subset() {
  python3 - "$1" "$2" <<'PY' || fail "$1 is not within $2"
import json, sys

def missing(wanted, have, path=''):
    if wanted in (None, {}, []):
        return []
    if isinstance(wanted, dict) and isinstance(have, dict):
        return sum((missing(value, have.get(key), f'{path}.{key}') for key, value in wanted.items()), [])
    if isinstance(wanted, list) and isinstance(have, list) and len(wanted) == len(have):
        return sum((missing(*pair, f'{path}[]') for pair in zip(wanted, have)), [])
    return [] if wanted == have else [f'{path}: wanted {wanted!r}, have {have!r}']

found = missing(*(json.load(open(name)) for name in sys.argv[1:]))
sys.exit('\n'.join(found) or None)
PY
}

# create KIND ARGUMENTS…: as protobuf, read back, compared with what kubectl meant.
create() {
  kubectl create --dry-run=client -o json "$@" >"$WORK/wanted.json" || fail "create $* (client)"
  kubectl create -o json -v=8 "$@" >"$WORK/have.json" 2>"$WORK/log" || fail "create $*: $(grep -v '^[IG]' "$WORK/log" | tail -5)"
  grep -qi 'Content-Type: application/vnd.kubernetes.protobuf' "$WORK/log" || fail "create $* was not sent as protobuf"
  subset "$WORK/wanted.json" "$WORK/have.json"
  created=$((created + 1))
}
has() { grep -qx -- "$1" <<<"$kinds"; }
created=0
kinds=$(kubectl api-resources --no-headers -o name)

create namespace other
create serviceaccount builder
create configmap settings --from-literal=a=1 --from-literal=empty=
printf '\xff\xfe\x00binary' >"$WORK/binary"
create configmap files --from-file="$WORK/binary"
[[ $(kubectl get configmap files -o jsonpath='{.binaryData.binary}' | base64 -d | xxd -p) == "$(xxd -p "$WORK/binary")" ]] || fail "bytes differ"
create secret generic words --from-literal=user=me --from-file=key="$WORK/binary" --type=example.com/words
create secret docker-registry pull --docker-username=u --docker-password=p --docker-server=registry.example
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a -keyout "$WORK/key" -out "$WORK/cert" 2>/dev/null
create secret tls pair --cert="$WORK/cert" --key="$WORK/key"
create deployment web --image=busybox --replicas=2 --port=80 -- sh -c 'trap exit TERM; sleep 1000 & wait'
create service clusterip one --tcp=80:http --tcp=443:8443
create service clusterip none --clusterip=None
create service nodeport two --tcp=80 --node-port=30123
create service externalname three --external-name=example.com
create service loadbalancer four --tcp=80:8080

has jobs.batch && create job once --image=busybox -- true
has cronjobs.batch && create cronjob often --image=busybox --schedule='*/5 * * * *' -- true
has ingresses.networking.k8s.io &&
  create ingress front --class=c --rule='example.com/a*=one:80,tls=pair' --rule='/b=one:http' --default-backend=one:443 --annotation=a=b
has roles.rbac.authorization.k8s.io && {
  create role reader --verb=get,list --resource=pods,deployments.apps --resource-name=web
  create rolebinding reads --role=reader --serviceaccount=default:builder --user=u --group=g
  create clusterrole looks --verb=get --non-resource-url=/healthz
  create clusterrole sums --aggregation-rule=a=b
  create clusterrolebinding all --clusterrole=looks --group=g
}
has poddisruptionbudgets.policy && create pdb keep --selector=app=web --min-available=50%
has resourcequotas && create quota few --hard=pods=100,requests.cpu=1500m --scopes=NotTerminating
has priorityclasses.scheduling.k8s.io && create priorityclass high --value=-5 --description=d --preemption-policy=Never
((created >= 13)) || fail "only $created objects"
echo "created $created objects"

# Requests that hold other messages.
kubectl create token builder --duration=20m --audience=a >"$WORK/token" 2>"$WORK/err" || fail "$(cat "$WORK/err")"
[[ $(cut -d. -f2 "$WORK/token" | tr '_-' '/+' | base64 -d 2>/dev/null | jq -r '.aud[0], .exp - .iat') == $'a\n1200' ]] || fail "$(cat "$WORK/token")"
[[ $(kubectl auth can-i create pods) == yes ]] || fail "may not create pods"
exits 1 kubectl auth can-i create pods --as=nobody
kubectl auth can-i --list | expect "can-i --list" '^\*\.\* .*\[\*\]'
kubectl auth whoami | expect whoami 'system:masters'
has horizontalpodautoscalers.autoscaling && {
  kubectl autoscale deployment web --min=1 --max=5 --cpu-percent=80 >/dev/null
  [[ $(kubectl get hpa web -o jsonpath='{.spec.minReplicas} {.spec.maxReplicas} {.spec.metrics[0].resource.target.averageUtilization}') == '1 5 80' ]] ||
    fail "$(kubectl get hpa web -o yaml)"
}
kubectl run solo --image=busybox --env=A=b --labels=x=y --restart=Never --command -- sleep 1000 >/dev/null
[[ $(kubectl get pod solo -o jsonpath='{.spec.containers[0].env[0].value}{.metadata.labels.x}{.spec.restartPolicy}') == byNever ]] || fail "solo"
kubectl expose deployment web --name=exposed --port=81 --target-port=82 >/dev/null
[[ $(kubectl get service exposed -o jsonpath='{.spec.ports[0].port} {.spec.ports[0].targetPort}') == '81 82' ]] || fail "exposed"
kubectl scale deployment web --replicas=0 >/dev/null
[[ $(kubectl get deployment web -o jsonpath='{.spec.replicas}') == 0 ]] || fail "not scaled"
kubectl delete deployment web --cascade=foreground --timeout=30s >/dev/null || fail "web is not deleted"

# A mistake has the text that it has as JSON.
exits 1 kubectl create deployment Web --image=busybox
expect "bad name" 'metadata.name: Invalid value: "Web": a lowercase RFC 1123 subdomain' <"$WORK/output"
exits 1 kubectl create configmap settings
expect "taken" 'configmaps "settings" already exists' <"$WORK/output"
exits 1 kubectl create service nodeport five --tcp=80 --node-port=30123
expect "taken port" 'provided port is already allocated' <"$WORK/output"

# Pods that are not ours to wait for.
kubectl delete pod solo --now >/dev/null
has jobs.batch && kubectl delete job once >/dev/null
down
