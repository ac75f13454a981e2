#!/usr/bin/env bash
# Runs the tests with the race detector: installs the programs that they need
# and that are missing, gives them a temporary folder of their own, and ends
# what they leave running, whatever their result.
#
#   tools/ci-test.sh [arguments of go test; default ./...]
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '== %s\n' "$*"; }
die() { printf 'test: %s\n' "$*" >&2; exit 1; }

# shellcheck source=tools/ci-lib.sh
. tools/ci-lib.sh

# program that must be there : Debian packages that bring it.
# The database server comes without its start scripts (mariadb-server-core), so
# no database of the system is made or started.
NEEDED=(
	"gcc:gcc libc6-dev"
	"update-ca-certificates:ca-certificates"
	"git:git"
	"mariadbd:mariadb-server-core mariadb-client-core"
	"mariadb-install-db:mariadb-server-core mariadb-client-core"
	"my_print_defaults:mariadb-client-core"
	"chromium:chromium"
	"ip:iproute2"
)

missing_packages() {
	local entry found=()
	for entry in "${NEEDED[@]}"; do
		PATH="$PATH:/usr/sbin:/sbin" command -v "${entry%%:*}" >/dev/null ||
			found+=("${entry#*:}")
	done
	printf '%s\n' "${found[@]:-}" | tr ' ' '\n' | sort -u | xargs
}

# as_root prints the words that make a command run as root, or fails.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		return 0
	fi
	sudo -n true 2>/dev/null && printf 'sudo -n'
}

install_packages() {
	local packages=$1 root
	command -v apt-get >/dev/null ||
		die "please install these first (names of Debian's packages): $packages"
	root=$(as_root) ||
		die "please install these packages first, as root: apt-get install $packages"
	say "installing $packages"
	# shellcheck disable=SC2086 # words on purpose
	retry 3 $root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
	# shellcheck disable=SC2086
	retry 3 $root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $packages >/dev/null
}

# started_here prints the ids of the processes that were started below the
# folder $1: it stands in their environment (TMPDIR) or in their arguments.
started_here() {
	local folder=$1 process file entry
	for process in /proc/[0-9]*; do
		[ "${process#/proc/}" != "$$" ] || continue
		for file in "$process/environ" "$process/cmdline"; do
			while IFS= read -r -d '' entry; do
				if [[ $entry == *"$folder"* ]]; then
					printf '%s\n' "${process#/proc/}"
					continue 3
				fi
			done 2>/dev/null <"$file" || true
		done
	done 2>/dev/null
}

# end_leftovers asks the processes left below the folder $1 to end, and after
# five seconds makes them.
end_leftovers() {
	local folder=$1 pids tries=0
	mapfile -t pids < <(started_here "$folder")
	[ "${#pids[@]}" -gt 0 ] || return 0
	say "ending what the tests left running: ${pids[*]}"
	kill "${pids[@]}" 2>/dev/null || true
	while [ "$tries" -lt 50 ]; do
		mapfile -t pids < <(started_here "$folder")
		[ "${#pids[@]}" -gt 0 ] || return 0
		sleep 0.1
		tries=$((tries + 1))
	done
	kill -KILL "${pids[@]}" 2>/dev/null || true
}

clean_up() {
	end_leftovers "$folder"
	rm -rf "$folder"
}

require_go
packages=$(missing_packages)
[ -z "$packages" ] || install_packages "$packages"
PATH="$PATH:/usr/sbin:/sbin" # mariadbd lives there

say "fetching modules"
retry 3 go mod download

# Short, because the paths of unix sockets below it may have 107 bytes.
folder=$(mktemp -d /tmp/presence-test.XXXXXX)
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[ "$#" -gt 0 ] || set -- ./...
say "go test -race $*"
# Two packages at a time: several of them start servers of their own. In the
# background, since bash obeys no signal while it runs a command.
env TMPDIR="$folder" PRESENCE_TEST_REQUIRE_ALL=1 \
	go test -race -tags nomsgpack -count=1 -timeout 15m -p 2 "$@" &
wait "$!"
