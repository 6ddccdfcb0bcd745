# Read by node.sh: Prometheus at 127.0.0.1:9090, which scrapes annotated pods and Envoy every second.
# shellcheck shell=bash disable=SC2154
command -v prometheus > /dev/null || die "prometheus is not installed (tools/components/build.sh packages)"
fill prometheus.yaml "$dir/conf/prometheus.yaml"
mkdir -p "$dir/prometheus"
run targets "$bin/testserver" targets -server "https://127.0.0.1:$port" -ca "$dir/certs/ca.crt" -token admin-token -listen 127.0.0.1:9099
run prometheus prometheus "--config.file=$dir/conf/prometheus.yaml" "--storage.tsdb.path=$dir/prometheus" \
  --storage.tsdb.retention.time=2h --web.listen-address=0.0.0.0:9090 --web.enable-lifecycle --log.level=warn
wait_for prometheus in_net curl -sf -m 2 http://127.0.0.1:9090/-/ready
