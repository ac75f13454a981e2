# shellcheck shell=bash
# What the scripts of this folder share. Sourced, not run.

# GO_NEEDED is the oldest version of Go that builds Presence, as in go.mod.
GO_NEEDED=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' go.mod)

# require_go ends the script when there is no Go, or one that is too old.
require_go() {
	local have
	if ! command -v go >/dev/null; then
		PATH="$PATH:/usr/local/go/bin"
		command -v go >/dev/null || die "Go is not installed: install Go $GO_NEEDED or newer (https://go.dev/dl/)"
	fi
	have=$(cd / && GOTOOLCHAIN=local go env GOVERSION) # here an old one only complains
	have=${have#go}
	have=${have%% *}
	if ! printf '%s\n%s\n' "$GO_NEEDED" "$have" | sort -C -V; then
		die "Go $have is too old: install Go $GO_NEEDED or newer (https://go.dev/dl/)"
	fi
}

# retry runs a command up to $1 times, with a pause in between.
retry() {
	local left=$1
	shift
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		say "did not work, trying again: $*"
		sleep 5
	done
}
