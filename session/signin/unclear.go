package signin

import "go.uber.org/zap"

// warnUnclear tells of claims whose value is no known word, once for each: a provider that says it once says it at every
// sign-in. The value is not logged, because it may be anything.
func (p *Provider) warnUnclear(words []string) {
	for _, word := range words {
		if _, told := p.unclear.LoadOrStore(word, true); told {
			continue
		}
		p.Logger.Warn("claim has a value that is no known word, so it counts as unknown: rules that restrict hold, rules that open a way do not",
			zap.String("provider", p.Name), zap.String("claim_of", word))
	}
}
