package main

import (
	"strings"
	"testing"
	"time"
)

// shownBy lets a progress show the half and the end of a million rows, of which a
// quarter was done before; its clock stands but for what the steps take.
func shownBy(terminal bool) string {
	var out strings.Builder
	p := newProgress(&out, terminal)
	clock := time.Unix(0, 0)
	p.now = func() time.Time { return clock }
	p.Begin("copy message", 250_000, 1_000_000)
	p.At(250_001) // too early to be shown
	clock = clock.Add(10 * time.Second)
	p.At(500_000)
	clock = clock.Add(65 * time.Second)
	p.At(1_000_000)
	p.End()
	return out.String()
}

func TestProgressInLines(t *testing.T) {
	want := "copy message                          50%  500,000 of 1,000,000  25,000/s  20 s left\n" +
		"copy message                         1,000,000 rows in 1 min 15 s, 10,000 rows/s\n"
	if got := shownBy(false); got != want {
		t.Errorf("shown:\n%s\nwant:\n%s", got, want)
	}
}

func TestProgressInPlace(t *testing.T) {
	got := shownBy(true)
	if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") {
		t.Errorf("the bar is not in one line: %q", got)
	}
	if !strings.Contains(got, "\rcopy message             [##########..........]  50%  500,000 of 1,000,000  25,000/s  20 s left") {
		t.Errorf("no bar at the half: %q", got)
	}
	widest, last := 0, ""
	for _, line := range strings.Split(strings.TrimSuffix(got, "\n"), "\r") {
		widest, last = max(widest, len(line)), line
	}
	if len(last) != widest { // else the end of a longer line stays
		t.Errorf("the last line does not cover the others: %q", got)
	}
}

func TestProgressOfUnknownSize(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, false)
	clock := time.Unix(0, 0)
	p.now = func() time.Time { return clock }
	p.Begin("copy nothing", 0, 0)
	p.At(0)
	p.End()
	p.Begin("create index", 0, -1)
	clock = clock.Add(3 * time.Hour)
	p.At(0)
	p.End()
	got := out.String()
	if strings.Contains(got, "nothing") || !strings.Contains(got, "3 h 0 min so far") || !strings.Contains(got, "done in 3 h 0 min") {
		t.Errorf("shown: %q", got)
	}
}

// TestShortProgressLeavesNothing: what took no time is not worth a line.
func TestShortProgressLeavesNothing(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var out strings.Builder
		p := newProgress(&out, terminal)
		p.now = func() time.Time { return time.Unix(0, 0) }
		p.Begin("create index", 0, -1)
		p.End()
		left := out.String()[strings.LastIndexByte(out.String(), '\r')+1:]
		if left != "" {
			t.Errorf("on a terminal %v: %q", terminal, out.String())
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}
