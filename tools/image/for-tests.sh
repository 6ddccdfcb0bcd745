#!/usr/bin/env bash
# Makes the operator's image of a source tree without a registry or a daemon, by its own Dockerfile: for-tests.sh NAME:TAG [TREE]
# Prints the path of a docker-archive (`ctr -n k8s.io images import`). Root, Linux, buildah; TREE's packages are installed.
#
# The base holds the Node of the lockfile and the libraries that it names, at the places where distroless has them. What was
# made once is found again by the hash of what went in, in the cache of tools/components/build.sh.
set -euo pipefail
name=${1:?usage: for-tests.sh NAME:TAG [TREE]}
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "${2:-$here/../..}" && pwd)
components=$("$here/../components/build.sh" dir)
kept_archives=6
case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
node=$tree/node_modules/node-linux-$arch/bin/node

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$components/buildah" "$components/archives"
exec 9> "$components/buildah/lock"
flock 9
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
b() { buildah --root "$components/buildah/storage" --runroot "$components/buildah/run" "$@" 9>&-; }
hash_of() { sha256sum | cut -c1-16; }

libraries() { ldd "$node" | grep -o '/[^ ]*'; }
base=localhost/serin-node:$({ cat "$node" "${BASH_SOURCE[0]}"; libraries | xargs sha256sum; } | hash_of)
make_base() {
  local files=$work/base library
  install -D -m755 "$node" "$files/nodejs/bin/node"
  for library in $(libraries); do install -D -m755 "$(readlink -f "$library")" "$files$library"; done
  install -d -m1777 "$files/tmp"
  install -d "$files/etc" "$files/home/nonroot"
  echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' > "$files/etc/passwd"
  echo 'hosts: files dns' > "$files/etc/nsswitch.conf"
  printf 'FROM scratch\nCOPY base /\nUSER 65532\nENTRYPOINT ["/nodejs/bin/node"]\n' > "$work/Dockerfile"
  b bud -q -t "$base" "$work" > /dev/null
}

"$tree/node_modules/.bin/node" "$tree/tools/bundle.ts" > /dev/null
inputs=("$tree"/Dockerfile "$tree"/LICENSE "$tree"/dist/serin.mjs "$tree"/dist/serin.mjs.LEGAL.txt)
archive=$components/archives/$({ cat "${inputs[@]}"; echo "$base $name"; } | hash_of).tar
if [ -s "$archive" ]; then
  touch "$archive"
else
  b inspect --type image "$base" > /dev/null 2>&1 || make_base
  b bud -q --build-arg "BASE=$base" --build-arg "VERSION=${name##*:}" -t "$name" "$tree" > /dev/null
  b push -q "$name" "docker-archive:$archive.new:$name"
  mv "$archive.new" "$archive"
  b rmi "$name" > /dev/null
  find "$components/archives" -name '*.tar' -printf '%T@ %p\n' | sort -rn | tail -n +$((kept_archives + 1)) | cut -d' ' -f2- | xargs -r rm --
fi
echo "$archive"
