package cfg

import "strings"

// maxGuess is the longest name for which a similar one is looked for.
const maxGuess = 64

// nearest returns the known name that a misspelt one was most likely meant to
// be, or "" if none is close. "keyPath" and "key-path" mean "key_path".
func nearest(name string, known []string) string {
	if len(name) > maxGuess {
		return ""
	}
	best, bestDistance := "", len(name)/3+2
	name = fold(name)
	for _, k := range known {
		if d := distance(name, fold(k)); d < bestDistance && d < len(k) {
			best, bestDistance = k, d
		}
	}
	return best
}

// fold takes away what merely differs in the way of writing.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("_- ", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range old {
		old[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, old, row = old, row, older
	}
	return old[len(b)]
}
