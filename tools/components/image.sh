#!/usr/bin/env bash
# Makes a container image of one static program, without a registry or a daemon: image.sh OUT.tar NAME:TAG PROGRAM
# The result is a docker-archive (`ctr -n k8s.io images import OUT.tar`). The same program gives the same bytes.
set -euo pipefail
out=$1 name=$2 program=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
entry=/$(basename "$program")
archive() { tar --owner=0 --group=0 --numeric-owner --mtime=@0 --sort=name "$@"; }

mkdir -p "$work/files/etc" "$work/files/tmp"
chmod 1777 "$work/files/tmp"
printf 'root:x:0:0:root:/:/none\nnobody:x:65534:65534:nobody:/:/none\n' > "$work/files/etc/passwd"
cp "$program" "$work/files$entry"
archive -C "$work/files" -cf "$work/layer.tar" .

layer=$(sha256sum < "$work/layer.tar" | cut -d' ' -f1)
case $(uname -m) in aarch64) arch=arm64 ;; *) arch=amd64 ;; esac
cat > "$work/config.json" << JSON
{"architecture":"$arch","os":"linux","config":{"Entrypoint":["$entry"],"WorkingDir":"/"},
 "rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},
 "history":[{"created":"1970-01-01T00:00:00Z"}]}
JSON
config=$(sha256sum < "$work/config.json" | cut -d' ' -f1).json
mv "$work/config.json" "$work/$config"
echo "[{\"Config\":\"$config\",\"RepoTags\":[\"$name\"],\"Layers\":[\"layer.tar\"]}]" > "$work/manifest.json"
archive -C "$work" -cf "$out.new" manifest.json "$config" layer.tar
mv "$out.new" "$out"
