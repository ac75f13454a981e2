package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// built holds the programs that the tests run. It lives as long as the test
// process: TestMain makes the folder and removes it.
var built struct {
	folder      string
	race, plain func() (string, error)
}

func TestMain(m *testing.M) {
	if runBareLoop() || runBareRelay() {
		return
	}
	folder, err := os.MkdirTemp("", "presence-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built.folder = folder
	built.race = sync.OnceValues(func() (string, error) { return build("presence-race", "-race") })
	built.plain = sync.OnceValues(func() (string, error) { return build("presence") })
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
		os.Exit(code)
	}))
}

// build makes the program in the way that it is shipped, plus flags.
func build(name string, flags ...string) (string, error) {
	path := filepath.Join(built.folder, name)
	args := append([]string{"build", "-tags", "nomsgpack", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// builtProgram names the program that a process of tests before this one has built.
const builtProgram = "PRESENCE_TEST_PROGRAM"

// program is the path of the program with the race detector, for tests.
func program(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(builtProgram); path != "" {
		return path
	}
	return must(t, built.race)
}

// plainProgram is the path of the program as it is shipped, for measures.
func plainProgram(t testing.TB) string { t.Helper(); return must(t, built.plain) }

func must(t testing.TB, build func() (string, error)) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
