#!/usr/bin/env bash
# The live benchmark: run.sh [main.ts's arguments]. Bundles the operator, starts a node, measures, stops the node. Needs root.
# With NODE_DIR set to a folder where a node with contour, prometheus and metrics-server runs, that one is used and left running.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
node=$root/test/e2e/node
program=$root/node_modules/.bin/node
for word; do
  case $word in -h | --help | --list) exec "$program" "$here/main.ts" "$@" ;; esac
done
[ -n "$("$program" "$here/main.ts" --list "$@")" ] || exit 2
[ "$(id -u)" = 0 ] || { echo "bench:live: a real node needs root" >&2; exit 1; }
"$root/tools/components/build.sh" node metrics-server >&2
own=$(mktemp -d "${TMPDIR:-/tmp}/serin-bench-XXXXXX")
dir=${NODE_DIR:-$own/node}
end() {
  [ -n "${NODE_DIR:-}" ] || KEEP_LOGS=0 "$node/node.sh" stop "$dir"
  rm -rf "$own"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$program" "$root/tools/bundle.ts" "$own/serin.mjs" >&2
[ -n "${NODE_DIR:-}" ] || "$node/node.sh" start "$dir" contour prometheus metrics-server >&2
# In the foreground of this shell, but able to take its own time when it is called off.
"$node/node.sh" in "$dir" env SERIN_BUNDLE="$own/serin.mjs" "$program" "$here/main.ts" "$@" &
measuring=$!
trap 'kill -TERM $measuring 2> /dev/null; wait $measuring; exit 130' INT TERM
wait $measuring
