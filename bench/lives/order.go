package lives

import "math/rand/v2"

// apart is how many turns lie between two of the baseline. With fewer the baseline takes too much of the run, with more the
// machine's speed drifts too far meanwhile.
const apart = 3

// Order is the order of the turns of a life: in every round each case but the baseline has one, in another order, so that none
// always follows the same one. The baseline comes first, after every few turns, and last.
func Order(random *rand.Rand, cases, rounds int) []int {
	order, since := []int{Base}, 0
	for range rounds {
		for _, other := range random.Perm(cases - 1) {
			if order, since = append(order, other+1), since+1; since == apart {
				order, since = append(order, Base), 0
			}
		}
	}
	if since > 0 || len(order) == 1 {
		order = append(order, Base)
	}
	return order
}
