package remembered

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// Keeper reads and writes what a browser remembers about its users.
type Keeper struct{ *access.Environment }

// answer is one user's answer in one browser, given with "Don't show this again" (A10). The cookie contains the answers
// of several users who share a browser, each identified by a hash.
type answer struct {
	Person  string `json:"p"`
	Yes     bool   `json:"y,omitempty"`
	Expires int64  `json:"e"`
}

// maxRemembered is how many users' answers one browser keeps; the oldest is dropped first.
const maxRemembered = 8

func personHash(who session.Identity) string {
	return string(session.HashKey("a", who.Issuer, who.Subject))
}

func (s *Keeper) answers(v *access.Visit) []answer {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(v.Cookies.Answer)
	if err != nil || v.Cookies.Answer == "" {
		return nil
	}
	plain, err := s.Keys.Open(keyring.PurposeAnswer, sealed, v.Host, browser.AnswerCookie)
	if err != nil {
		return nil
	}
	var all, live []answer
	if json.Unmarshal(plain, &all) != nil {
		return nil
	}
	for _, a := range all {
		if s.Now().Before(time.Unix(a.Expires, 0)) {
			live = append(live, a)
		}
	}
	return live
}

// Answer returns the kind that this user chose in this browser; nil if the user must be asked. If remembering is
// switched off, it always returns nil.
func (s *Keeper) Answer(v *access.Visit, who session.Identity) *session.Kind {
	kind, _ := s.Until(v, who)
	return kind
}

// Until is Answer with the time until which the answer is valid.
func (s *Keeper) Until(v *access.Visit, who session.Identity) (*session.Kind, time.Time) {
	if s.Prompt.RememberAnswer <= 0 {
		return nil, time.Time{}
	}
	for _, a := range s.answers(v) {
		if a.Person == personHash(who) {
			kind := session.Browser
			if a.Yes {
				kind = session.Persistent
			}
			return &kind, time.Unix(a.Expires, 0).UTC()
		}
	}
	return nil, time.Time{}
}

// Keep stores a user's answer in this browser.
func (s *Keeper) Keep(w http.ResponseWriter, v *access.Visit, who session.Identity, kind session.Kind) {
	if s.Prompt.RememberAnswer <= 0 {
		return
	}
	keep := make([]answer, 0, maxRemembered)
	for _, a := range s.answers(v) {
		if a.Person != personHash(who) {
			keep = append(keep, a)
		}
	}
	if len(keep) >= maxRemembered {
		keep = keep[len(keep)-maxRemembered+1:]
	}
	keep = append(keep, answer{
		Person: personHash(who), Yes: kind == session.Persistent, Expires: s.Now().Add(s.Prompt.RememberAnswer).Unix(),
	})
	s.keepAnswers(w, v, keep, s.Prompt.RememberAnswer)
}

func (s *Keeper) keepAnswers(w http.ResponseWriter, v *access.Visit, keep []answer, lifetime time.Duration) {
	plain, err := json.Marshal(keep)
	if err != nil {
		return
	}
	sealed := s.Keys.Seal(keyring.PurposeAnswer, plain, v.Host, browser.AnswerCookie)
	browser.SetCookie(w, v.Secure, browser.AnswerCookie, base64.RawURLEncoding.EncodeToString(sealed), lifetime)
}

// Forget removes this user's answer from the browser (A10). The cookie is deleted, unless it contains answers of
// others.
func (s *Keeper) Forget(w http.ResponseWriter, v *access.Visit, who session.Identity) {
	var keep []answer
	last := s.Now()
	for _, a := range s.answers(v) {
		if a.Person != personHash(who) {
			keep = append(keep, a)
			if ends := time.Unix(a.Expires, 0); ends.After(last) {
				last = ends
			}
		}
	}
	if len(keep) == 0 {
		browser.ClearCookie(w, v.Secure, browser.AnswerCookie)
		return
	}
	s.keepAnswers(w, v, keep, last.Sub(s.Now()))
}
