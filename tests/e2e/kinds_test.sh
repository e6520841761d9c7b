# The kinds that are only stored, and old versions of all kinds, with every kubectl that is here.
source "$(dirname "$0")/lib.sh"

data=$SOURCE/tests/e2e/data
kubectls=("$(command -v kubectl)")
unpack=$SOURCE/../shared/kubectl/unpack
[[ -x $unpack ]] || unpack=/work/shared/kubectl/unpack
if [[ -x $unpack ]]; then
  mapfile -t more < <("$unpack" "$WORK/kubectls")
  kubectls+=("${more[@]}")
fi
[[ -n ${kubectls[0]} ]] || kubectls=("${kubectls[@]:1}")
((${#kubectls[@]})) || { echo "SKIPPED: there is no kubectl"; exit 77; }

# again FILE: applying it once more changes nothing that is stored.
revisions() { v get -f "$1" -o 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}'; }
again() {
  local before
  before=$(revisions "$1")
  v apply -f "$1" | refuse "apply again" ' created$'
  [[ $before == "$(revisions "$1")" ]] || fail "$1 changed: $(diff <(echo "$before") <(revisions "$1"))"
}

up
number=0
for kubectl in "${kubectls[@]}"; do
  number=$((number + 1))
  v() { "$kubectl" --cache-dir="$WORK/cache-$number" "$@"; }
  echo "with $("$kubectl" version --client 2>/dev/null | head -1)"
  v apply -f "$data/kinds.yaml" >"$WORK/apply"
  [[ $(grep -c ' created$' "$WORK/apply") == 16 ]] || fail "not everything was created: $(cat "$WORK/apply")"
  v diff -f "$data/kinds.yaml" >"$WORK/diff" || fail "diff after apply: $(cat "$WORK/diff")"
  again "$data/kinds.yaml"

  table() { v get "$1" "$2" -o wide | tail -1 | sed -E 's/ [0-9]+s( |$)/ AGE\1/; s/ +/ /g; s/ $//'; }
  is() { [[ $(table "$1" "$2") == "$3" ]] || fail "get $1 $2: $(table "$1" "$2"), not $3"; }
  is ingressclass edge 'edge example.com/edge EdgeConfig.example.com/main AGE'
  is ing web 'web edge web.example.com,*.example.com 80, 443 AGE'
  is netpol db 'db role=db AGE'
  is lease leader 'leader me AGE'
  is hpa web 'web Deployment/web cpu: <unknown>/60%, <unknown>/1 2 10 0 AGE'
  is pc important 'important 100000 false AGE'
  is runtimeclass plain 'plain minik AGE'
  is sc standard 'standard (default) example.com/disk Delete Immediate true AGE'
  is pv disk 'disk 1Gi RWO Retain Pending standard <unset> AGE Filesystem'
  is pvc data 'data Pending standard <unset> AGE Filesystem'
  is clusterrolebinding kinds:probers 'kinds:probers ClusterRole/kinds:prober AGE probers'
  is rolebinding readers 'readers Role/reader AGE jane default/default'
  v get role reader | expect "get role" '^reader +20[0-9-]+T[0-9:]+Z$'
  v get limits bounds | expect "get limits" '^bounds +20[0-9-]+T[0-9:]+Z$'
  v get quota small | expect "get quota" '^small '

  v describe ingress web >"$WORK/describe"
  expect "describe ingress" '^Ingress Class: +edge$' <"$WORK/describe"
  expect "describe ingress" '^ +/api +api:8080' <"$WORK/describe"
  v describe netpol db | expect "describe netpol" '^ +Except: +172\.17\.1\.0/24$'
  v describe hpa web | expect "describe hpa" '^Min replicas: +2$'
  v describe pvc data | expect "describe pvc" '^StorageClass: +standard$'
  v describe pv disk | expect "describe pv" '^Capacity: +1Gi$'
  v describe sc standard | expect "describe sc" '^Provisioner: +example.com/disk$'
  v describe pc important | expect "describe pc" '^Value: +100000$'
  v describe limits bounds | expect "describe limits" '^Container +cpu +- +2 +100m +2 '
  v describe role reader | expect "describe role" 'pods +\[\] +\[\] +\[get list watch\]'
  v describe clusterrolebinding kinds:probers | expect "describe binding" '^  Group +probers'
  for kind in ingressclass/edge lease/leader runtimeclass/plain quota/small clusterrole/kinds:prober rolebinding/readers; do
    v describe "$kind" | expect "describe $kind" "^Name: +${kind#*/}$"
  done

  v explain ingress.spec.rules.http.paths.pathType | expect "explain" 'pathType +<string> -required-|FIELD: pathType <string>'
  v explain ingress --api-version=extensions/v1beta1 | expect "explain an old version" '^(GROUP: +extensions|VERSION: +(extensions/)?v1beta1)'
  for kind in netpol hpa pc runtimeclass sc pv pvc quota limits role clusterrole rolebinding lease; do
    v explain "$kind" | expect "explain $kind" '^ +metadata'
  done
  v delete -f "$data/kinds.yaml" >/dev/null

  # Old versions go in and come out in both shapes.
  v apply -f "$data/old_versions.yaml" >"$WORK/apply" 2>&1 || fail "old versions: $(cat "$WORK/apply")"
  [[ $(grep -c ' created$' "$WORK/apply") == 10 ]] || fail "not everything was created: $(cat "$WORK/apply")"
  v diff -f "$data/old_versions.yaml" >"$WORK/diff" || fail "diff of old versions: $(cat "$WORK/diff")"
  again "$data/old_versions.yaml"
  v get ingress my-ingress-for-nginx -o jsonpath='{.apiVersion} {.spec.rules[0].http.paths[0].backend.service.port.number}' |
    expect "the new version" '^networking.k8s.io/v1 80$'
  v get ingresses.v1beta1.extensions older -o jsonpath='{.spec.backend.servicePort}' | expect "the old version" '^http$'
  v get ds old-agent -o jsonpath='{.apiVersion} {.spec.selector.matchLabels.app}' | expect "selector" '^apps/v1 old-agent$'
  v get horizontalpodautoscalers.v1.autoscaling old-scaler -o jsonpath='{.spec.targetCPUUtilizationPercentage}' | expect "autoscaling/v1" '^70$'
  v get all -o name >"$WORK/all"
  [[ $(sort "$WORK/all" | uniq -d | wc -l) == 0 ]] || fail "get all lists twice: $(cat "$WORK/all")"
  expect "get all" '^horizontalpodautoscaler.autoscaling/old-scaler$' <"$WORK/all"
  v delete -f "$data/old_versions.yaml" >/dev/null

  # What kubectl makes itself.
  v create ingress made --rule='a.b/x*=svc:80' | expect "create ingress" '^ingress.networking.k8s.io/made created$'
  v create role made --verb=get --resource=pods | expect "create role" 'role.rbac.authorization.k8s.io/made created'
  v create rolebinding made --role=made --user=u | expect "create rolebinding" 'made created'
  v create clusterrole made --verb=get --non-resource-url=/x | expect "create clusterrole" 'made created'
  v create quota made --hard=pods=1 | expect "create quota" 'resourcequota/made created'
  v create priorityclass made --value=5 | expect "create priorityclass" 'made created'
  v create deployment made --image=host --replicas=0 >/dev/null
  v autoscale deployment made --max=3 --cpu-percent=40 2>&1 | expect "autoscale" 'made autoscaled'
  v get hpa made | expect "get hpa" '^made +Deployment/made +cpu: <unknown>/40% +'
  v delete ingress,role,rolebinding,quota,deploy,hpa made >/dev/null
  v delete clusterrole,priorityclass made >/dev/null
done

# What is wrong is said in upstream's words, and nothing is stored.
wrong() {
  local what=$1 pattern=$2
  { echo '# kubectl takes what begins with a brace for JSON.'; cat; } >"$WORK/wrong.yaml"
  exits 1 k create -f "$WORK/wrong.yaml"
  expect "$what" "$pattern" <"$WORK/output"
}
wrong "path type" 'The Ingress "bad" is invalid: spec.rules\[0\].http.paths\[0\].pathType: Required value: pathType must be specified' \
  <<<'{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: bad}, spec: {rules: [{http: {paths: [{path: /, backend: {service: {name: a, port: {number: 80}}}}]}}]}}'
wrong "peer" 'spec.ingress\[0\].from\[0\]: Required value: must specify a peer' \
  <<<'{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: bad}, spec: {podSelector: {}, ingress: [{from: [{}]}]}}'
wrong "quantity" 'quantities must match the regular expression' \
  <<<'{apiVersion: v1, kind: ResourceQuota, metadata: {name: bad}, spec: {hard: {pods: many}}}'
[[ $(k get ing,netpol,quota -o name) == "" ]] || fail "something was stored: $(k get ing,netpol,quota)"
k create role r --verb=get --resource=pods >/dev/null
k create rolebinding b --role=r --user=u >/dev/null
exits 1 k patch rolebinding b -p '{"roleRef":{"name":"other"}}'
expect "immutable role" 'roleRef: Invalid value: .*cannot change roleRef' <"$WORK/output"
k get events --field-selector bogus=1 >"$WORK/output" 2>&1 && fail "an unknown field label was accepted"
expect "field label" 'field label not supported: bogus' <"$WORK/output"

# The client of minik knows them, too.
minik api-resources | expect "minik api-resources" '^networkpolicies +netpol +networking.k8s.io/v1 +true +NetworkPolicy$'
minik apply -f "$data/kinds.yaml" | expect "minik apply" 'ingress.networking.k8s.io/web created'
minik get ing | expect "minik get" '^web +edge +web.example.com,\*.example.com +80, 443 '
minik get hpa,pvc,sc | expect "minik get many" '^persistentvolumeclaim/data +Pending '
minik describe ing web | expect "minik describe" '^Name: +web$'
down
