package transporttest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// networkOf is set, to the test's name, in the process that has a network of its own.
const networkOf = "PRESENCE_TEST_NETWORK"

// limit is how long one test may take there.
const limit = 4 * time.Minute

// OwnNetwork runs the test that calls it once more, in a process of its own with a network
// of its own, where only loopback is up, and with the variables env added. It returns true
// there, and false in the process that waited for it: the test returns then.
func OwnNetwork(t *testing.T, env ...string) bool {
	t.Helper()
	if os.Getenv(networkOf) == t.Name() {
		IP(t, "link set lo up")
		return true
	}
	missing := func(why string) {
		t.Helper()
		if os.Getenv("PRESENCE_TEST_REQUIRE_ALL") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	if os.Geteuid() != 0 {
		missing("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		missing("ip (iproute2) is not installed")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	inside := exec.CommandContext(ctx, self, "-test.run=^"+t.Name()+"$", "-test.v")
	inside.Env = append(append(os.Environ(), networkOf+"="+t.Name()), env...)
	inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := inside.CombinedOutput()
	if err != nil && len(out) == 0 {
		missing(fmt.Sprintf("no network namespace can be made: %v", err))
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("in a network of its own: %v\n%s", err, out)
	}
	t.Logf("in a network of its own:\n%s", out)
	return false
}

// IP runs the program ip with these words.
func IP(t *testing.T, words string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", words, err, out)
	}
}
