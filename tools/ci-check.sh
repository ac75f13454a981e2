#!/usr/bin/env bash
# Checks that need no test to run: format, vet, staticcheck, known weaknesses of
# the libraries, built web files, module files, shell scripts, forbidden words.
# All of them run, also after one has failed; the exit status is 1 then.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '== %s\n' "$*"; }
die() { printf 'check: %s\n' "$*" >&2; exit 1; }

# shellcheck source=tools/ci-lib.sh
. tools/ci-lib.sh

tool() { go tool -modfile=tools/go.mod "$@"; }

# project_files lists what is, or is about to be, in the repository.
project_files() { git ls-files -z --cached --others --exclude-standard "$@"; }

check_format() {
	local bad
	bad=$(project_files '*.go' | xargs -0 -r ls -d 2>/dev/null | xargs -r gofmt -l)
	[ -z "$bad" ] || { printf 'not formatted; run gofmt -w on:\n%s\n' "$bad"; return 1; }
}

check_vet() {
	go vet -tags nomsgpack ./...
}

check_staticcheck() { tool staticcheck -tags nomsgpack ./...; }

# govulncheck ends with 3 when it found something and with 1 when it could not
# work. Only the missing database is no failure of ours.
check_vulnerabilities() {
	local output status=0
	output=$(tool govulncheck -tags nomsgpack ./... 2>&1) || status=$?
	if [ "$status" -ne 0 ] && [ "$status" -ne 3 ] &&
		grep -q 'fetching vulnerabilities\|vulnerability database\|vuln\.go\.dev' <<<"$output"; then
		say "known weaknesses: skipped: database not reachable"
		return 0
	fi
	[ "$status" -eq 0 ] || printf '%s\n' "$output"
	return "$status"
}

check_modules() {
	go mod tidy -diff
	go mod verify >/dev/null
	go -C tools mod tidy -diff
}

# What go generate makes must be what lies in web/: compared by content, so that
# it works before the first commit too.
check_web() {
	local before after
	before=$(web_sums)
	go generate ./web/...
	after=$(web_sums)
	[ "$before" = "$after" ] || {
		printf 'the built web files are not current; run go generate ./web/... and commit:\n'
		diff <(printf '%s\n' "$before") <(printf '%s\n' "$after") || true
		return 1
	}
}

web_sums() { project_files web | xargs -0 -r sha256sum 2>/dev/null | sort -k2; }

check_scripts() {
	local file status=0
	while IFS= read -r -d '' file; do
		bash -n "$file" || status=1
		! command -v shellcheck >/dev/null || shellcheck -x "$file" || status=1
	done < <(project_files '*.sh' '.ci/run')
	return "$status"
}

# The project stands on its own: no path of somebody's machine, no folder beside
# it, no address of a package server. Brackets keep this line from finding itself.
check_words() {
	local words='\.\./[s]hared|[s]hared/protocol|/[w]ork/|/[h]ome/[a-z]|registry\.[n]pmjs|proxy\.[g]olang\.org|deb\.[d]ebian\.org'
	if project_files | xargs -0 -r grep -nIE -e "$words" -- 2>/dev/null; then
		printf 'these lines name something outside of the project\n'
		return 1
	fi
}

failed=()
check() {
	local name=$1 started=$SECONDS status=0
	set +e # in a condition the check itself would go on after an error
	(set -e; "$2")
	status=$?
	set -e
	if [ "$status" -eq 0 ]; then
		say "$name: ok ($((SECONDS - started)) s)"
	else
		say "$name: FAILED"
		failed+=("$name")
	fi
}

require_go
command -v git >/dev/null || die "git is not installed"
say "fetching modules"
retry 3 go mod download
retry 3 go -C tools mod download

check "format" check_format
check "module files" check_modules
check "vet" check_vet
check "staticcheck" check_staticcheck
check "known weaknesses" check_vulnerabilities
check "built web files" check_web
check "shell scripts" check_scripts
check "forbidden words" check_words

if [ "${#failed[@]}" -gt 0 ]; then
	die "failed: $(printf '%s, ' "${failed[@]}" | sed 's/, $//')"
fi
