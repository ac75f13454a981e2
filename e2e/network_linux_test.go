package e2e

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

// Set in the process that inOwnNetwork starts: the test's name, and the program that
// its parent has built.
const (
	networkOf      = "PRESENCE_TEST_NETWORK"
	networkProgram = "PRESENCE_TEST_NETWORK_PROGRAM"
)

// Addresses of a test's own network. They are of the internet's kind: Presence does
// not relay to private ones unless it is told to.
const (
	serverIP = "5.9.9.9"
	clientIP = "5.9.9.1"  // the other end of the wire
	movedIP  = "5.9.9.23" // a second address there, for who moves to another network
)

// inOwnNetwork runs the test that calls it in a network namespace of its own, so that
// no packet of it meets the machine's network. There is loopback and a wire between
// serverIP and clientIP, both of this namespace. It returns false in the process that
// only waited: the test returns then.
func inOwnNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(networkOf) == t.Name() {
		layNetwork(t)
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
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	inside := exec.CommandContext(ctx, self, "-test.run=^"+t.Name()+"$", "-test.v")
	inside.Env = append(os.Environ(), networkOf+"="+t.Name(), networkProgram+"="+program(t))
	inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := inside.CombinedOutput()
	if err != nil && len(out) == 0 {
		missing(fmt.Sprintf("no network namespace can be made: %v", err))
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("in the namespace: %v\n%s", err, out)
	}
	t.Logf("in the namespace:\n%s", out)
	return false
}

// layNetwork makes the wire. Both ends are here: what is sent from one address to the
// other stays in the kernel, as on loopback.
func layNetwork(t *testing.T) {
	t.Helper()
	ip(t, "link set lo up")
	ip(t, "link add server type veth peer name client")
	ip(t, "addr add "+serverIP+"/24 dev server")
	ip(t, "addr add "+clientIP+"/24 dev client")
	ip(t, "addr add "+movedIP+"/24 dev client")
	ip(t, "link set server up")
	ip(t, "link set client up")
}

func ip(t *testing.T, words string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", words, err, out)
	}
}
