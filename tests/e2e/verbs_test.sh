# Every verb with every kubectl that is here, its output compared with what it prints against Kubernetes (tests/verbs/*.golden).
source "$(dirname "$0")/lib.sh"

kubectls=("$(command -v kubectl || true)")
unpack=$SOURCE/../shared/kubectl/unpack
if [[ -x $unpack ]]; then
  mapfile -t more < <("$unpack" "$WORK/kubectls")
  kubectls+=("${more[@]}")
else
  echo "SKIPPED: kubectl 1.27, 1.30 and 1.33 are not beside this checkout ($unpack)"
fi
[[ -n ${kubectls[0]} ]] || kubectls=("${kubectls[@]:1}")
((${#kubectls[@]})) || { echo "SKIPPED: there is no kubectl"; exit 77; }

up
export DATA=$SOURCE/tests/verbs EXAMPLES=$SOURCE/examples
failed=0 main=$KUBECONFIG
for kubectl in "${kubectls[@]}"; do
  minor=$("$kubectl" version --client -o json | jq -r '.clientVersion.minor')
  # Its own home, so that no version reads the caches of another.
  mkdir -p "$WORK/bin-$minor" "$WORK/home-$minor" "$WORK/tmp-$minor"
  ln -sf "$kubectl" "$WORK/bin-$minor/kubectl"
  export PATH=$WORK/bin-$minor:$BUILD:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  export HOME=$WORK/home-$minor KUBECONFIG=$WORK/home-$minor/kubeconfig TMP=$WORK/tmp-$minor
  cp "$main" "$KUBECONFIG"
  kubectl create namespace verbs >/dev/null
  kubectl config set-context --current --namespace=verbs >/dev/null
  python3 "$SOURCE/tests/support/golden.py" "$minor" ${GOLDEN:-"$DATA"/*.golden} || failed=1
  kubectl config set-context --current --namespace=default >/dev/null
  kubectl delete namespace verbs --timeout=60s >/dev/null || failed=1
done
export KUBECONFIG=$main HOME=$WORK/home
((failed == 0)) || fail "see above"
down
