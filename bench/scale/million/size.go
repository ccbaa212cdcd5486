package million

import "time"

// Size is how large a run is.
type Size struct {
	// Sessions are how many there are, Users how many have them.
	Sessions, Users int
	// OfOne are the sessions of one user beside these.
	OfOne int
	// Cold is how many sessions are asked for that no gateway has seen.
	Cold int
	// Drawn is how many requests are drawn, by Zipf, before they come again.
	Drawn int
	// Rounds and Slice are those of the load.
	Rounds int
	Slice  time.Duration
	// Pages is how many pages of a list are read.
	Pages int
}

// Sized is a share of the full size: a million sessions of 200,000 users.
func Sized(share float64) Size {
	of := func(n int) int { return max(10, int(share*float64(n))) }
	return Size{
		Sessions: of(1_000_000), Users: of(200_000), OfOne: of(10_000), Cold: of(2000), Drawn: of(400_000),
		Rounds: max(2, min(8, int(share*800))), Slice: min(2*time.Second, time.Duration(share*float64(200*time.Second))), Pages: min(100, of(1000)),
	}
}
