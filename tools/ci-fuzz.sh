#!/usr/bin/env bash
# Runs every fuzz target for a short time each.
#
#   tools/ci-fuzz.sh [time for each target, default 10s]
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '== %s\n' "$*"; }
die() { printf 'fuzz: %s\n' "$*" >&2; exit 1; }

# shellcheck source=tools/ci-lib.sh
. tools/ci-lib.sh

require_go
time=${1:-10s}
count=0
for package in $(go list -tags nomsgpack ./...); do
	for target in $(go test -tags nomsgpack -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		say "$package $target for $time"
		go test -tags nomsgpack -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$package"
		count=$((count + 1))
	done
done
[ "$count" -gt 0 ] || die "there are no fuzz targets"
say "$count targets, nothing found"
