#!/usr/bin/env bash
# A real Kubernetes node with its control plane, in network, mount and pid namespaces of its own. Root, Linux, Debian.
#
#   node.sh start DIR [ADDON...]         ADDON: contour prometheus metrics-server
#   node.sh add DIR ADDON...
#   node.sh in DIR COMMAND...            in the network namespace only: kubectl, tests, the operator, a load
#   node.sh inside DIR COMMAND...        in all three namespaces: ctr, ps, nft
#   node.sh restart DIR PART [SIGNAL]    PART: etcd apiserver kcm scheduler containerd kubelet kube-proxy contour envoy ...
#   node.sh kill DIR PART [SIGNAL]
#   node.sh ps DIR
#   node.sh stop DIR                     everything goes; DIR/log and DIR/pod-logs stay, unless KEEP_LOGS=0
#
# No link and no route leads out of the network namespace, so tests and kubectl run by `node.sh in`, where the API server is
# https://127.0.0.1:22443 (DIR/kubeconfig), Envoy http://127.0.0.1:8080, and Prometheus http://127.0.0.1:9090. Several nodes can
# live side by side. The programs come from tools/components/build.sh node.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
command=${1:-} dir=${2:-}
[ -n "$command" ] && [ -n "$dir" ] || { sed -n '2,18s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
shift 2

components=$("$here/../../../tools/components/build.sh" dir)
bin=$components/bin
node=node-1 port=22443 wait_s=${WAIT_S:-120}
node_ip=198.18.255.1 pod_range=198.18.0.0/17 service_range=198.19.0.0/16 service_ip=198.19.0.1
proxy_mode=${PROXY_MODE:-iptables} snapshotter=overlayfs
cgroup=serin-test-$(printf %s "$dir" | cksum | cut -d' ' -f1)
socket=/run/containerd/containerd.sock
init='' init_born=''
if [ -f "$dir/init" ]; then read -r init init_born < "$dir/init"; fi

say() { echo "$(date +%T) $*"; }
die() { echo "node.sh: $*" >&2; exit 1; }
# A pid may be used again; with its time of birth it cannot be mistaken.
born() { awk '{print $22}' "/proc/$1/stat" 2> /dev/null || true; }
is_up() { [ -n "$init" ] && [ "$(born "$init")" = "$init_born" ]; }
must_be_up() { is_up || die "no node runs in $dir"; }
in_net() { nsenter -t "$init" -n -- "$@"; }
inside() { nsenter -t "$init" -n -m -p -- "$@"; }
k() { in_net kubectl --kubeconfig "$dir/kubeconfig" "$@"; }

# run PART COMMAND...: in the namespaces; log in log/PART.log, pid (inside) in run/PART.pid, command for `restart` in run/PART.command
run() {
  local part=$1
  shift
  printf '%q ' "$@" > "$dir/run/$part.command"
  setsid nsenter -t "$init" -n -m -p -- sh -c 'echo $$ > "$0"; exec "$@"' "$dir/run/$part.pid" "$@" \
    >> "$dir/log/$part.log" 2>&1 < /dev/null &
  disown
}
runs() { inside kill -0 "$(cat "$dir/run/$1.pid")" 2> /dev/null; }
# wait_for PART COMMAND...: until the command succeeds; does not wait for the dead
wait_for() {
  local part=$1 end=$((SECONDS + wait_s))
  shift
  until "$@" > /dev/null 2>&1; do
    if [ -s "$dir/run/$part.pid" ] && ! runs "$part"; then
      tail -n 5 "$dir/log/$part.log" >&2
      die "$part has died, see $dir/log/$part.log"
    fi
    if [ $SECONDS -ge $end ]; then
      "$@" >&2 || true
      die "waited ${wait_s} s in vain for $part, see $dir/log"
    fi
    sleep 0.1
  done
}
end_part() { # PART SIGNAL
  local pid
  pid=$(cat "$dir/run/$1.pid")
  inside kill "-$2" "$pid" 2> /dev/null || true
  for _ in $(seq 100); do runs "$1" || return 0; sleep 0.1; done
  inside kill -KILL "$pid" 2> /dev/null || true
}
cgroup_roots() { # one with cgroup v2; one for each controller with v1
  local root
  for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ -L "$root" ] || [ ! -f "$root/cgroup.procs" ] || echo "$root"
    [ ! -f /sys/fs/cgroup/cgroup.procs ] || return 0
  done
}
fill() { # TEMPLATE OUT
  sed -e "s|@dir@|$dir|g;s|@port@|$port|g;s|@node@|$node|g;s|@node_ip@|$node_ip|g;s|@pod_range@|$pod_range|g" \
    -e "s|@cgroup@|$cgroup|g;s|@proxy_mode@|$proxy_mode|g;s|@snapshotter@|$snapshotter|g;s|@socket@|$socket|g" \
    "$here/conf/$1" > "$2"
}

stop() {
  local root
  if is_up; then
    kill -KILL "$init"
    for _ in $(seq 100); do is_up || break; sleep 0.1; done
  fi
  for root in $(cgroup_roots); do
    [ -d "$root/$cgroup" ] || continue
    for _ in 1 2 3 4 5; do find "$root/$cgroup" -depth -type d -exec rmdir {} + 2> /dev/null && break || sleep 0.3; done
  done
  rm -rf "$dir"/{init,etcd,containerd,kubelet,certs,conf,run,kubeconfig,prometheus}
  [ "${KEEP_LOGS:-1}" = 1 ] || rm -rf "$dir/log" "$dir/pod-logs"
}

# PID 1 is the pause program: with it, every process, mount and interface of the node goes.
make_namespaces() {
  local parent
  setsid unshare -n -m -p -f --mount-proc -- "$bin/pause" > "$dir/log/init.log" 2>&1 < /dev/null &
  parent=$!
  disown
  for _ in $(seq 100); do
    init=$(tr -d ' ' < "/proc/$parent/task/$parent/children" 2> /dev/null || true)
    [ -n "$init" ] && [ "$(readlink "/proc/$init/exe" 2> /dev/null)" = "$(readlink -f "$bin/pause")" ] && break
    init=
    sleep 0.1
  done
  [ -n "$init" ] || die "cannot make the namespaces: $(cat "$dir/log/init.log")"
  init_born=$(born "$init")
  echo "$init $init_born" > "$dir/init"
}
prepare_namespaces() {
  local root
  inside sh -euc '
    mount --make-rshared /
    mount -t tmpfs tmpfs /run
    mkdir -p /run/netns /run/lock
    mount --bind "$1/pod-logs" /var/log
    ip link set lo up
    # Both ends of the pair stay inside: it only carries the address of the node.
    ip link add node0 type veth peer name node0p
    ip addr add "$2/32" dev node0
    ip link set node0 up
    ip link set node0p up
    ip route add "$3" dev node0
    echo 1 > /proc/sys/net/ipv4/ip_forward
    echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables
    echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse' prepare "$dir" "$node_ip" "$service_range"
  for root in $(cgroup_roots); do
    mkdir -p "$root/$cgroup"
    if [ -f "$root/$cgroup/cpuset.mems" ]; then
      cat "$root/cpuset.cpus" > "$root/$cgroup/cpuset.cpus"
      cat "$root/cpuset.mems" > "$root/$cgroup/cpuset.mems"
    fi 2> /dev/null || true
  done
  # overlayfs does not stack on every file system; plain copies always work.
  mkdir -p "$dir/containerd/try"/{lower,upper,work,merged}
  if inside sh -c 'cd "$1" && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged && umount merged' \
    try "$dir/containerd/try" 2> /dev/null; then snapshotter=overlayfs; else snapshotter=native; fi
  rm -rf "$dir/containerd/try"
}

certificate() { # NAME SUBJECT [EXTENSION]
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" \
    -extfile <(printf 'extendedKeyUsage=serverAuth,clientAuth\n%s\n' "${3:-}")
}
certificates() {
  local names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
  mkdir -p "$dir/certs"
  (
    cd "$dir/certs"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -keyout ca.key -out ca.crt \
      -subj /CN=test-ca -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature
    certificate apiserver /CN=kube-apiserver "subjectAltName=$names,IP:127.0.0.1,IP:$node_ip,IP:$service_ip"
    certificate admin /O=system:masters/CN=admin
    certificate kubelet "/O=system:nodes/CN=system:node:$node" "subjectAltName=DNS:$node,IP:$node_ip,IP:127.0.0.1"
    certificate front-proxy /CN=front-proxy-client
    openssl genrsa -out accounts.key 2048
    printf 'admin-token,admin,admin,system:masters\noperator-token,operator,operator\n' > tokens.csv
  ) 2> "$dir/log/certs.log" || die "cannot make certificates, see $dir/log/certs.log"
}
kubeconfig() { # OUT USER
  cat > "$1" << YAML
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://127.0.0.1:$port", certificate-authority: "$dir/certs/ca.crt"}}]
users: [{name: user, user: {$2}}]
contexts: [{name: test, context: {cluster: test, user: user}}]
current-context: test
YAML
}

start_control_plane() {
  local certs=$dir/certs
  run etcd "$bin/etcd" "--data-dir=$dir/etcd" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls=http://127.0.0.1:22379 --advertise-client-urls=http://127.0.0.1:22379 \
    --listen-peer-urls=http://127.0.0.1:22380 --initial-advertise-peer-urls=http://127.0.0.1:22380 \
    --initial-cluster=default=http://127.0.0.1:22380
  # shellcheck disable=SC2086 # more flags, split on purpose
  run apiserver "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:22379 "--secure-port=$port" --bind-address=0.0.0.0 \
    "--advertise-address=$node_ip" "--tls-cert-file=$certs/apiserver.crt" "--tls-private-key-file=$certs/apiserver.key" \
    "--client-ca-file=$certs/ca.crt" "--token-auth-file=$certs/tokens.csv" --authorization-mode=Node,RBAC \
    --service-account-issuer=https://kubernetes.default.svc "--service-account-signing-key-file=$certs/accounts.key" \
    "--service-account-key-file=$certs/accounts.key" "--service-cluster-ip-range=$service_range" --allow-privileged \
    "--kubelet-client-certificate=$certs/admin.crt" "--kubelet-client-key=$certs/admin.key" \
    "--kubelet-certificate-authority=$certs/ca.crt" --kubelet-preferred-address-types=InternalIP \
    "--requestheader-client-ca-file=$certs/ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- "--proxy-client-cert-file=$certs/front-proxy.crt" \
    "--proxy-client-key-file=$certs/front-proxy.key" --enable-aggregator-routing \
    "--audit-policy-file=$here/conf/audit.yaml" "--audit-log-path=$dir/log/audit.log" ${APISERVER_FLAGS:-}
  wait_for apiserver k get --raw /readyz
  run kcm "$bin/kube-controller-manager" "--kubeconfig=$dir/kubeconfig" "--root-ca-file=$certs/ca.crt" \
    "--service-account-private-key-file=$certs/accounts.key" --use-service-account-credentials=false --leader-elect=false \
    '--controllers=*,-nodeipam' --kube-api-qps=200 --kube-api-burst=400 --secure-port=0 \
    --horizontal-pod-autoscaler-sync-period=5s --horizontal-pod-autoscaler-initial-readiness-delay=5s
  run scheduler "$bin/kube-scheduler" "--kubeconfig=$dir/kubeconfig" --leader-elect=false --secure-port=0
}
start_node() {
  local image
  wait_for containerd inside ctr -a "$socket" version
  for image in "$components"/images/*.tar; do
    inside ctr -a "$socket" -n k8s.io images import "$image" >> "$dir/log/images.log" 2>&1 || die "cannot import $image"
  done
  run kubelet "$bin/kubelet" "--config=$dir/conf/kubelet.yaml" "--kubeconfig=$dir/conf/kubelet.kubeconfig" \
    "--root-dir=$dir/kubelet" "--cert-dir=$dir/kubelet/pki" "--hostname-override=$node" "--node-ip=$node_ip"
  run kube-proxy "$bin/kube-proxy" "--config=$dir/conf/kube-proxy.yaml"
  wait_for kubelet k get node $node
  k wait --for=condition=Ready "node/$node" "--timeout=${wait_s}s" > /dev/null
  wait_for kcm k get serviceaccount default
}

start() {
  local program began=$SECONDS
  [ "$(id -u)" = 0 ] || die "a node needs root"
  for program in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy pause testserver; do
    [ -x "$bin/$program" ] || die "no $program in $bin: run tools/components/build.sh node"
  done
  for program in containerd ctr runc ip nsenter unshare openssl kubectl conntrack curl; do
    command -v $program > /dev/null || die "$program is not installed (tools/components/build.sh packages)"
  done
  is_up && die "a node runs in $dir already"
  stop
  rm -rf "$dir/log" "$dir/pod-logs"
  mkdir -p "$dir"/{log,pod-logs,run,containerd,kubelet,etcd,conf/cni}
  chmod 700 "$dir/etcd"
  : > "$dir/conf/resolv.conf"
  trap '[ $? = 0 ] || { echo "the node did not start, see $dir/log" >&2; stop; }' EXIT
  make_namespaces
  prepare_namespaces
  certificates
  kubeconfig "$dir/kubeconfig" "token: admin-token"
  kubeconfig "$dir/conf/kubelet.kubeconfig" "client-certificate: $dir/certs/kubelet.crt, client-key: $dir/certs/kubelet.key"
  fill containerd.toml "$dir/conf/containerd.toml"
  fill cni.json "$dir/conf/cni/10-test.conflist"
  fill kubelet.yaml "$dir/conf/kubelet.yaml"
  fill kube-proxy.yaml "$dir/conf/kube-proxy.yaml"
  run containerd containerd --config "$dir/conf/containerd.toml"
  start_control_plane
  start_node
  say "the node is ready, $((SECONDS - began)) s"
  add "$@"
  trap - EXIT
}
add() {
  local addon
  for addon; do
    # shellcheck source=/dev/null
    . "$here/addons/$addon.sh"
    say "$addon is ready"
  done
}

case $command in
  start) start "$@" ;;
  stop) stop ;;
  add) must_be_up; add "$@" ;;
  in) must_be_up; KUBECONFIG=$dir/kubeconfig SERIN_NODE=$dir exec nsenter -t "$init" -n -- "$@" ;;
  inside) must_be_up; exec nsenter -t "$init" -n -m -p -- "$@" ;;
  kill) must_be_up; inside kill "-${2:-TERM}" "$(cat "$dir/run/$1.pid")" ;;
  restart) must_be_up; end_part "$1" "${2:-TERM}"; eval "run $1 $(cat "$dir/run/$1.command")" ;;
  ps) must_be_up; inside ps -eo pid,rss,etimes,time,comm --sort=-rss ;;
  *) die "no such command: $command" ;;
esac
