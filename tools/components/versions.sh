# What the end-to-end tests run. A change here moves the cache to a new folder, so nothing old is ever mixed in.
KUBERNETES=1.36.3
ETCD=3.6.8
GATEWAY_API=1.6.1
CONTOUR=1.33.8
ENVOY=1.40.0
METRICS_SERVER=0.9.0
HELM=3.22.0
KWOK=0.8.0
