package guess

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/target"
)

// quieter is the half of the rounds in which the machine had least else to do. It looks at nothing that a flood did to the users,
// so it cannot prefer a result.
func quieter(rounds []round) []round {
	foreign := func(r round) (sum float64) {
		for _, t := range r {
			sum += t.foreign
		}
		return sum
	}
	sorted := slices.SortedStableFunc(slices.Values(rounds), func(a, b round) int { return cmp.Compare(foreign(a), foreign(b)) })
	return sorted[:(len(sorted)+1)/2]
}

// slowest is how long 99 of 100 answers to users take in milliseconds, all turns of kind i together.
func slowest(rounds []round, i int) float64 {
	var took []float64
	for _, r := range rounds {
		took = append(took, r[i].took...)
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// slower is how many times as long that is as without the flood. One pause of the machine makes a turn slow, which the error
// of slower shows; typically is that of a turn in the middle, which such a pause does not change.
func slower(rounds []round, i int) rig.Estimate {
	return rig.Jackknife(rounds, func(rounds []round) float64 {
		return slowest(rounds, i) / slowest(rounds, len(rounds[0])-1)
	})
}

func typically(rounds []round, i int) rig.Estimate {
	ratios := make([]float64, len(rounds))
	for n, r := range rounds {
		ratios[n] = slowest([]round{r}, i) / slowest([]round{r}, len(r)-1)
	}
	return rig.MedianOf(ratios)
}

// write prints what some rounds have shown, and the promise.
func (m *measurement) write(p *rig.Printer, rounds []round) {
	p.Printf("%d requests a second of users, and beside them %d a second of each of these. Of %d rounds with turns of %s the quieter half.\n\n", usersPace, m.options.Guesses, m.options.Rounds, m.options.Slice)
	p.Printf("| beside the users | 99 of 100 of their requests take | alone = 1 | in a typical turn | CPU of gateway and Redis, of a core | a request of the flood alone: CPU, memory | answers of the flood |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	p.Printf("| nothing | %.2f ms | 1 | 1 | %.1f %% | | |\n", slowest(rounds, len(m.kinds)), 100*taken(rounds, len(m.kinds)))
	worst := rig.Estimate{}
	var wrong []string
	for i, k := range m.kinds {
		ratio, status := slower(rounds, i), answers(rounds, i)
		p.Printf("| %s | %.2f ms | %s | %s | %.1f %% | %s | %s |\n", k.name, slowest(rounds, i), ratio.Bold(), typically(rounds, i), 100*taken(rounds, i), m.cost[i], counted(status))
		for code := range status {
			if !k.accepts(code) {
				wrong = append(wrong, fmt.Sprintf("%s: an answer has the status %d", k.name, code))
			}
		}
		if k.wrong && ratio.Value > worst.Value {
			worst = ratio
		}
	}
	for _, line := range wrong {
		p.Printf("\n%s\n", line)
	}
	p.Printf("\nWrong tokens make 99 of 100 requests of users take %s times as long; promised are %.1f (`%s`).\n", worst, target.Guessed.Owed, target.Guessed.Command)
}

// taken is the CPU of gateway and Redis beside kind i, as a share of a core.
func taken(rounds []round, i int) float64 {
	all := make([]float64, len(rounds))
	for n, r := range rounds {
		all[n] = r[i].cpu
	}
	return rig.Median(all)
}

// answers are those to the flood of kind i, by status.
func answers(rounds []round, i int) map[int]int {
	all := map[int]int{}
	for _, r := range rounds {
		for code, n := range r[i].status {
			all[code] += n
		}
	}
	return all
}

// counted are statuses with their numbers.
func counted(status map[int]int) (text string) {
	for _, code := range slices.Sorted(maps.Keys(status)) {
		text += fmt.Sprintf("%d: %d ", code, status[code])
	}
	return text
}
