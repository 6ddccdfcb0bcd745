#!/usr/bin/env bash
# The journeys on a real node, as root: run.sh [vitest's arguments]. Builds what is missing, starts a node, stops it at the end.
# With NODE_DIR set to a folder where a node runs already, that one is used and left running.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
[ "$(id -u)" = 0 ] || { echo "run.sh: a real node needs root" >&2; exit 1; }
"$root/tools/components/build.sh" node packaging
dir=${NODE_DIR:-}
if [ -z "$dir" ]; then
  dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-node-XXXXXX")
  end() {
    local result=$?
    "$here/node.sh" stop "$dir"
    if [ $result = 0 ]; then rm -rf "$dir"; else echo "logs: $dir/log and $dir/pod-logs" >&2; fi
  }
  trap end EXIT
  trap 'exit 130' INT TERM
  "$here/node.sh" start "$dir" contour prometheus
fi
cd "$root"
"$here/node.sh" in "$dir" env PATH="$root/node_modules/.bin:$PATH" vitest run --project node --project install "${@:-test/e2e/node}"
