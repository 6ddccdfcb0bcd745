# Read by node.sh: Contour and Envoy as programs of the node. HTTPProxy and HTTPRoute are served at port 8080, Envoy's own
# metrics at 127.0.0.1:8002/stats/prometheus.
# shellcheck shell=bash disable=SC2154
k apply --server-side -f "$components/crds/gateway-api.yaml" -f "$components/crds/contour.yaml" > /dev/null
# A CRD of this very moment has no conditions yet, which kubectl takes for an error.
wait_for contour-crds k wait --for=condition=Established --timeout=30s crd \
  httpproxies.projectcontour.io httproutes.gateway.networking.k8s.io gateways.gateway.networking.k8s.io
wait_for contour-objects k apply -f "$here/conf/contour-objects.yaml"
fill contour.yaml "$dir/conf/contour.yaml"
# Contour was built with an older Gateway API: the kinds that it would watch at versions no longer served are turned off.
run contour "$bin/contour" serve "--config-path=$dir/conf/contour.yaml" --insecure --disable-leader-election \
  --xds-address=127.0.0.1 --xds-port=8001 --http-address=127.0.0.1 --http-port=8000 --health-address=127.0.0.1 --health-port=8000 \
  --stats-address=0.0.0.0 --stats-port=8002 --envoy-service-http-address=0.0.0.0 --envoy-service-http-port=8080 \
  --envoy-service-https-address=0.0.0.0 --envoy-service-https-port=8443 --debug-http-address=127.0.0.1 --debug-http-port=6060 \
  --disable-feature=tlsroutes --disable-feature=tcproutes --disable-feature=grpcroutes --disable-feature=backendtlspolicies \
  --kubernetes-client-qps=50 --kubernetes-client-burst=100
inside "$bin/contour" bootstrap "$dir/conf/envoy.json" --admin-address=/run/envoy-admin.sock --xds-address=127.0.0.1 \
  --xds-port=8001 --xds-resource-version=v3 --namespace=projectcontour > "$dir/log/contour-bootstrap.log" 2>&1
run envoy "$bin/envoy" -c "$dir/conf/envoy.json" --service-cluster projectcontour --service-node "envoy-$node" \
  --log-level warning --concurrency 2 --use-dynamic-base-id
wait_for contour in_net curl -sf -m 2 http://127.0.0.1:8000/healthz
wait_for envoy in_net curl -sf -m 2 http://127.0.0.1:8002/ready
