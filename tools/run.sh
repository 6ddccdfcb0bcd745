#!/bin/sh
# What the npm scripts call: brings the packages of the lockfile along first, then runs one task with the Node among them.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
task=${1:?usage: run.sh test|unit|e2e|node|check|generate|format|bundle|image|bench:live|sim}
shift

stamp=node_modules/.lock-stamp
want=$(cksum < package-lock.json)
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
  echo "installing packages from the lockfile" >&2
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  printf '%s\n' "$want" > "$stamp"
fi
PATH="$root/node_modules/.bin:$PATH"
export PATH

# A real node needs root and Linux; elsewhere its journeys are reported as not run.
node_journeys() {
  if [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ]; then
    test/e2e/node/run.sh "$@"
  elif [ "${CI:-}" = true ]; then
    echo "the journeys on a real node need root on Linux" >&2
    exit 1
  else
    echo "NOT RUN: the journeys on a real node (they need root on Linux)" >&2
  fi
}

# All of them, so that one run shows all that is wrong.
check() {
  result=0
  tsc -p . || result=1
  oxlint --type-aware --quiet || result=1
  biome format . || result=1
  node tools/generate.ts --check || result=1
  knip || result=1
  vitest run --project unit test/unit/tidy || result=1
  return "$result"
}

case $task in
  test)
    result=0
    vitest run --project unit --project e2e "$@" || result=$?
    # Both runs are reported, whatever became of the first.
    [ $# -gt 0 ] || node_journeys || result=$?
    exit "$result"
    ;;
  unit | e2e) vitest run --project "$task" "$@" ;;
  node) node_journeys "$@" ;;
  check) check ;;
  generate)
    node tools/generate.ts
    helm=$(tools/components/build.sh dir)/bin/helm
    [ -x "$helm" ] || tools/components/build.sh helm
    node tools/kustomize.ts "$helm"
    ;;
  format) biome format --write . ;;
  bench) node bench/fleet/main.ts "$@" ;;
  bundle) node tools/bundle.ts ;;
  image)
    node tools/bundle.ts
    tools/image/build.sh "$@"
    ;;
  bench:live) bench/live/run.sh "$@" ;;
  sim) node tools/sim.ts "$@" ;;
  *)
    echo "run.sh: unknown task $task" >&2
    exit 2
    ;;
esac
