package bearer

import (
	"net/netip"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
)

// wrongTokens is how many wrong tokens an address may send in a time before it counts as one that guesses, and must wait.
// Tokens that were good before are not held off.
var wrongTokens = ratelimit.Rate{N: 20, Per: time.Minute}

// turnsOfAddress is how many tokens of a kind that were not seen before are read, and checked, a second for an address that guesses: of
// those that have not waited, and of those that have waited once, twice, and more often. A check of a signature takes up to a quarter of a
// millisecond, for which the requests of users wait: with twelve a second at most fewer than one of a hundred does.
var turnsOfAddress = ratelimit.Rate{N: 3, Per: time.Second}

// levels are the purposes for which turnsOfAddress counts, by how often a token has waited.
type levels [turnLevels]string

// The kinds of tokens that have turns: signed ones, whose check costs the processor, and those of Latchkey, which cost a look-up
// in the store. A flood of one kind does not hold off the other.
var (
	signed = levels{"0", "1", "2", "3"}
	own    = levels{"own 0", "own 1", "own 2", "own 3"}
)

// maxNoticed limits the addresses that are noticed in a noticeEvery.
const (
	maxNoticed  = 16
	noticeEvery = time.Minute
)

// Guesses are the addresses that send wrong tokens, at all sites that share it. It is safe for concurrent use.
//
// An address that guesses has few new tokens checked a second. A token that gets no turn is told to come again, and is
// then before those that have not waited. So a flood costs no more than that, and a program behind the same address gets its
// new token checked on a later try, unless the flood waits as it is told too.
type Guesses struct {
	// wrong counts wrong tokens by address, checks the checks of new tokens for those that guess.
	wrong, checks *ratelimit.Limiter
	turns         turns
	slow          slow

	mu      sync.Mutex
	noticed map[netip.Addr]struct{}
	since   time.Time
}

// NewGuesses returns one that knows no address.
func NewGuesses() *Guesses {
	return &Guesses{wrong: ratelimit.New(wrongTokens), checks: ratelimit.New(turnsOfAddress), noticed: map[netip.Addr]struct{}{}}
}

// turn returns nil if it is the turn of a token of a kind to be checked, else when it may come again. A token that was
// checked has had its turn: see turns.forget.
func (g *Guesses) turn(of digest, kind *levels, from netip.Addr, now time.Time) *Refused {
	if _, ok := g.checks.Allow(from, kind[g.turns.waited(of, now)], now); ok {
		return nil
	}
	g.turns.tell(of, now)
	return tooMany(turnWait)
}

// notice reports whether it is new that an address guesses, in this minute. Few are new in a minute, so that a flood from many
// addresses is no flood of the log.
func (g *Guesses) notice(from netip.Addr, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if age := now.Sub(g.since); age < 0 || age >= noticeEvery {
		clear(g.noticed)
		g.since = now
	}
	if _, known := g.noticed[from]; known || len(g.noticed) >= maxNoticed {
		return false
	}
	g.noticed[from] = struct{}{}
	return true
}
