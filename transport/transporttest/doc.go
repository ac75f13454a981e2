// Package transporttest gives tests a network of their own: a Linux network namespace,
// in which no packet meets the network of the machine.
//
//	func TestRelay(t *testing.T) {
//		if !transporttest.OwnNetwork(t) {
//			return // the test has run in another process
//		}
//		transporttest.IP(t, "link add here type veth peer name there")
//		…
//	}
//
// It needs root and the program ip (iproute2); without them the test is skipped, or fails
// if PRESENCE_TEST_REQUIRE_ALL is 1. It must never know what is tested.
package transporttest
