package config

import (
	"fmt"
	"slices"
	"strings"
)

// Suggest returns the end of an error message about an unknown word: `, did you mean "x"?` if a similar word exists,
// else the list of the allowed words.
func Suggest(got string, words []string) string {
	best, distance := "", max(1, len(got)/3)
	for _, w := range slices.Sorted(slices.Values(words)) {
		if len(got) > maxSuggested {
			break
		}
		if d := editDistance(strings.ToLower(got), w); d < distance || d == distance && best == "" {
			best, distance = w, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(", did you mean %q?", best)
	case len(words) == 0:
		return ""
	}
	return ", expected one of " + strings.Join(slices.Sorted(slices.Values(words)), ", ")
}

// maxSuggested is the longest text, in bytes, for which Suggest looks for a similar word.
const maxSuggested = 64

// editDistance counts the letters to insert, delete, replace or swap with a neighbour to change a into b.
func editDistance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
