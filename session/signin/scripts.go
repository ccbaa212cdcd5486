package signin

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// stateJSON is what scripts in pages of a site may know about the session. All times are seconds from now, rounded up,
// so that the browser's clock does not matter.
type stateJSON struct {
	SignedIn bool `json:"signed_in"`
	// ID is the session's short hash: a different one shows that a user has signed in again or more strongly.
	ID string `json:"id,omitempty"`
	// EndsIn is when the session ends without further use.
	EndsIn int64 `json:"ends_in,omitempty"`
	// Idle is set if an idle sign-out applies to the session here.
	Idle *idleJSON `json:"idle,omitempty"`
	// The URLs for the script.
	SignInURL    string `json:"sign_in_url"`
	SignOutURL   string `json:"sign_out_url"`
	SignedOutURL string `json:"signed_out_url"`
	// Text contains the texts of the dialog of asset/ask.js, if requested.
	Text *pages.SignInWindow `json:"text,omitempty"`
}

type idleJSON struct {
	// WarnIn is when to warn; 0 means now.
	WarnIn int64 `json:"warn_in"`
	// Beat is the shortest interval in which a script needs to report use.
	Beat int64             `json:"beat"`
	Text pages.IdleWarning `json:"text"`
}

const (
	// beatShare is the fraction of the time before the warning that is the shortest interval for reporting use; it is
	// at least beatMin.
	beatShare = 30
	beatMin   = time.Second
	beatMax   = time.Minute
	// heartbeatHeader is a header that no form and, without CORS, no other site can send. With the same-origin check it
	// replaces the token of a form (A23).
	heartbeatHeader = "Latchkey-Heartbeat"
)

// sessionState is /session. A GET does not count as use. A POST does, and may only be sent after a click or a key press
// (T3, T17).
func (s *scripts) sessionState(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	use := r.Method == http.MethodPost
	if use && (r.Header.Get(heartbeatHeader) != "1" || !browser.SameOrigin(r, v.Origin)) {
		access.WriteProblem(w, r, access.ProblemJSON{
			Title: "Not from a page of this site", Status: http.StatusForbidden, Reason: "cross_origin", RequestID: v.RequestID,
		})
		return
	}
	var have *session.Record
	who, _, err := s.Authenticate(r, v)
	if err == nil {
		have, err = who.Record()
	}
	if err == nil && use {
		ctx, cancel := access.Detach(r, access.StoreTimeout)
		defer cancel()
		have, err = s.Sessions.Use(ctx, have)
	}
	switch {
	case err == nil:
		s.writeState(w, r, v, have)
	case access.NoSession(err):
		if access.Over(err) {
			s.EndCookie(w, v)
		}
		s.writeState(w, r, v, nil)
	default:
		s.StoreDown(w, r, v, err)
	}
}

func (s *scripts) writeState(w http.ResponseWriter, r *http.Request, v *access.Visit, have *session.Record) {
	state := stateJSON{SignInURL: browser.Base + "/sign-in", SignOutURL: browser.Base + "/sign-out", SignedOutURL: browser.Base + "/signed-out"}
	if have != nil {
		if err := s.describeState(&state, r, v, have); err != nil {
			s.Fail(w, r, v, "texts of the warning", err)
			return
		}
	}
	if q, ok := browser.SingleValues(r.URL.RawQuery, "text"); ok && q["text"] == "sign_in" {
		text, err := s.Pages.SignInWindow(r)
		if err != nil {
			s.Fail(w, r, v, "texts of the dialog", err)
			return
		}
		state.Text = &text
	}
	w.Header().Add("Vary", "Accept-Language")
	access.AnswerJSON(w, r, http.StatusOK, state)
}

func (s *scripts) describeState(state *stateJSON, r *http.Request, v *access.Visit, have *session.Record) error {
	now := s.Now()
	warn, end, ok := v.Site.IdleTimes(have, s.Sessions.Limits())
	state.SignedIn, state.ID, state.EndsIn = true, have.ID.Short(), seconds(end.Sub(now))
	if !ok {
		return nil
	}
	text, err := s.Pages.IdleWarning(r)
	if err != nil {
		return err
	}
	rule, _ := v.Site.IdleRule(have.Kind, have.KnownDevice())
	state.Idle = &idleJSON{
		WarnIn: seconds(warn.Sub(now)), Beat: seconds(min(max(rule.Warn/beatShare, beatMin), beatMax)), Text: text,
	}
	return nil
}

// seconds rounds up; a time in the past is 0.
func seconds(d time.Duration) int64 { return int64((max(d, 0) + time.Second - 1) / time.Second) }

// done is the page at which a sign-in in a separate window ends. It shows the same to every client.
func (s *scripts) done(w http.ResponseWriter, r *http.Request, _ *access.Visit) {
	s.Pages.Write(w, r, http.StatusOK, pages.Done{})
}

// KeySetLife is how long the key set may be cached.
const KeySetLife = 5 * time.Minute

// keys is GET /keys: the public halves of the keys that sign assertions, for the applications that verify them. It is the
// same for everybody; a key stands in it before it signs, and until its key of the ring retires.
func (s *scripts) keys(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	body, err := json.Marshal(s.Keys.PublicKeys())
	if err != nil {
		s.Fail(w, r, v, "public keys", err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(KeySetLife/time.Second)))
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) // an error means that the client has disconnected
}
