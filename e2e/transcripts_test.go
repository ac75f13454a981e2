package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const transcripts = "testdata/transcripts"

// TestTranscripts plays what was recorded of the original server against ours: over
// the transports with which it was recorded, and over the other one.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(transcripts, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, path := range files {
		scenario := strings.TrimSuffix(filepath.Base(path), ".jsonl")
		lines := readTranscript(t, path)
		if lines[0].Scenario != scenario {
			t.Fatalf("the file of %s says that it is %s", scenario, lines[0].Scenario)
		}
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			t.Run("as recorded", func(t *testing.T) {
				t.Parallel()
				newReplay(t, scenario).play(lines)
			})
			if !aboutTransport(lines) {
				t.Run("swapped", func(t *testing.T) {
					t.Parallel()
					newReplay(t, scenario).play(swapped(lines))
				})
			}
		})
	}
}

// aboutTransport says whether a transcript holds what only its transport can carry.
func aboutTransport(lines []line) bool {
	return slices.ContainsFunc(lines, func(l line) bool { return l.Dir == "raw" })
}

// swapped is a transcript with every connection made by the other transport.
func swapped(lines []line) []line {
	other := map[transport]transport{ws: tcp, tcp: ws}
	swapped := slices.Clone(lines)
	for n, l := range swapped {
		swapped[n].Tr = other[l.Tr]
	}
	return swapped
}
