# Read by node.sh: metrics-server behind a Service without selector: `kubectl top` and HorizontalPodAutoscalers work.
# shellcheck shell=bash disable=SC2154
[ -x "$bin/metrics-server" ] || die "no metrics-server in $bin: run tools/components/build.sh metrics-server"
# The request timeout must be shorter than the resolution, or the program panics.
run metrics-server "$bin/metrics-server" "--kubeconfig=$dir/kubeconfig" "--authentication-kubeconfig=$dir/kubeconfig" \
  "--authorization-kubeconfig=$dir/kubeconfig" "--bind-address=$node_ip" --secure-port=4443 \
  "--cert-dir=$dir/certs/metrics-server" "--kubelet-certificate-authority=$dir/certs/ca.crt" \
  --kubelet-preferred-address-types=InternalIP --metric-resolution=10s --kubelet-request-timeout=5s
fill metrics-server.yaml "$dir/conf/metrics-server.yaml"
wait_for metrics-server-objects k apply -f "$dir/conf/metrics-server.yaml"
wait_for metrics-server k get --raw /apis/metrics.k8s.io/v1beta1/nodes
