package target

// A Target is a promise: what is measured may be at most Owed, and should be Stretch.
type Target struct {
	What          string
	Owed, Stretch float64
	// Unit is how the figure is printed; empty is a ratio.
	Unit string
	// Command measures it, where `make bench` does not.
	Command string
}

// The promises.
var (
	SignedIn = &Target{What: "CPU of a signed-in request, three headers, plain Caddy = 1", Owed: 1.07, Stretch: 1.04}
	InTurn   = &Target{What: "the same as it comes (`cache_recheck 5s`), 1,000 sessions in turn, the file", Owed: 1.07, Stretch: 1.04}
	Groups   = &Target{What: "a signed-in request with ten groups in a header", Owed: 1.18, Stretch: 1.12}
	SignIn   = &Target{
		What: "CPU of a whole sign-in with Redis, prompt and log included, oauth2-proxy 7.15 with Redis without a prompt = 1",
		Owed: 1.0, Stretch: 0.75, Command: peers,
	}
	SignInFile  = &Target{What: "the same with the file, 32 people at once", Owed: 1.0, Stretch: 0.8, Command: peers}
	Alone       = &Target{What: "one person alone with the file, wall time, with Redis = 1", Owed: 1.3, Stretch: 1.1}
	Commands    = &Target{What: "commands of Redis for a sign-in, those of scripts included", Owed: 14, Stretch: 10, Unit: count}
	Trips       = &Target{What: "round trips to Redis for a sign-in", Owed: 4, Stretch: 3, Unit: count}
	Strict      = &Target{What: "CPU of a request in strict mode, Redis, 32 connections, plain Caddy = 1", Owed: 1.25, Stretch: 1.15}
	AsItComes   = &Target{What: "CPU of a request as it comes (`cache_recheck 5s`), Redis, forty requests a visit, plain Caddy = 1", Owed: 1.05, Stretch: 1.03}
	P99         = &Target{What: "p99 of a request with 50,000 sessions, plain Caddy = 1", Owed: 1.15, Stretch: 1.08}
	Reload      = &Target{What: "reload of 1,000 sites with 100 policies, 1,000 of plain Caddy = 1", Owed: 1.5, Stretch: 1.2, Command: sites}
	SitesMemory = &Target{What: "memory of that", Owed: 1.3, Stretch: 1.15, Command: sites}
	Reloaded    = &Target{What: "memory of that after ten reloads", Owed: 1.6, Stretch: 1.3, Command: sites}
	Kept        = &Target{What: "Redis bytes of a session, all lists and its share of the log, 800-byte refresh token", Owed: 2200, Stretch: 1800, Unit: inBytes}
	Guessed     = &Target{What: "p99 of a request of users beside 1,000 wrong tokens a second, without them = 1", Owed: 1.2, Stretch: 1.1, Command: guesses}
	Monday      = &Target{What: "p99 of a request of users beside 20,000 sign-ins within a minute, before = 1", Owed: 1.3, Stretch: 1.1, Command: monday}
	Ended       = &Target{What: "until 20,000 streams at two gateways are closed after the end of all sessions", Owed: 1, Stretch: 0.5, Unit: inSeconds, Command: streams}
	Stream      = &Target{What: "memory of an idle WebSocket or event stream over plain Caddy's", Owed: 1500, Stretch: 700, Unit: inBytes, Command: streams}
)

// All are the promises in the order in which they are printed.
var All = []*Target{SignedIn, InTurn, Groups, SignIn, SignInFile, Alone, Commands, Trips, Strict, AsItComes, P99, Reload, SitesMemory, Reloaded, Kept, Guessed, Monday, Stream, Ended}

const (
	count     = "%.1f"
	inBytes   = "%.0f bytes"
	inSeconds = "%.1f s"

	peers   = "go run ./bench -peers"
	sites   = "go run ./bench -scale sites"
	guesses = "go run ./bench -guesses 1000"
	streams = "go run ./bench -scale streams"
	monday  = "go run ./bench -scale monday"
)
