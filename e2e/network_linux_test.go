package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"presence/transport/transporttest"
)

// Addresses of a test's own network. They are of the internet's kind: Presence does
// not relay to private ones unless it is told to.
const (
	serverIP = "5.9.9.9"
	clientIP = "5.9.9.1"  // the other end of the wire
	movedIP  = "5.9.9.23" // a second address there
)

// inOwnNetwork runs the test that calls it in a network of its own, with loopback and a
// wire between serverIP and clientIP. Both ends are here: what is sent from one address
// to the other stays in the kernel. It returns false in the process that only waited.
func inOwnNetwork(t *testing.T) bool {
	t.Helper()
	if !transporttest.OwnNetwork(t, builtProgram+"="+program(t)) {
		return false
	}
	for _, words := range []string{
		"link add server type veth peer name client",
		// Nothing changes later by itself: Chromium gives up its connections then.
		"link set server addrgenmode none", "link set client addrgenmode none",
		"addr add " + serverIP + "/24 dev server", "addr add " + clientIP + "/24 dev client", "addr add " + movedIP + "/24 dev client",
		"link set server up", "link set client up",
	} {
		transporttest.IP(t, words)
	}
	for _, link := range []string{"server", "client"} {
		poll(t, func() bool {
			out, err := exec.Command("ip", "-oneline", "link", "show", link).Output()
			return err == nil && strings.Contains(string(out), "state UP")
		}, func() string { return "the link " + link + " does not come up" })
	}
	return true
}
