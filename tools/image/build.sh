#!/bin/sh
# Makes the operator's image with docker, podman or buildah, the first that works: build.sh [NAME:TAG] [the builder's own arguments]
# Default: serin:VERSION of package.json. Called by `npm run image`, which makes the bundle first.
set -eu
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
name=serin:$version
case ${1:--} in -*) ;; *) name=$1; shift ;; esac
revision=$(git rev-parse HEAD 2> /dev/null || echo unknown)
set -- --build-arg "VERSION=$version" --build-arg "REVISION=$revision" -t "$name" "$@" .
for builder in docker podman buildah; do
  "$builder" info > /dev/null 2>&1 || continue # a client may be there without its daemon
  "$builder" build "$@"
  echo "built $name with $builder"
  exit 0
done
echo "docker, podman or buildah is needed to make the image" >&2
exit 1
