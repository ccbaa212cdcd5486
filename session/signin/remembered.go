package signin

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// remembered is one person's answer in one browser, given with "Don't show this again" (A10). The cookie holds those
// of several people who share a browser, each as a hash.
type remembered struct {
	Person  string `json:"p"`
	Yes     bool   `json:"y,omitempty"`
	Expires int64  `json:"e"`
}

// maxRemembered bounds how many people's answers one browser keeps; the oldest goes first.
const maxRemembered = 8

func personHash(who session.Identity) string {
	return string(session.HashKey("a", who.Issuer, who.Subject))
}

func (s *prompts) answers(v *Visit) []remembered {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(v.Cookies.Answer)
	if err != nil || v.Cookies.Answer == "" {
		return nil
	}
	plain, err := s.Keys.Open(keyring.PurposeAnswer, sealed, v.Host, browser.AnswerCookie)
	if err != nil {
		return nil
	}
	var all, live []remembered
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

// rememberedAnswer returns the kind that this person chose in this browser; nil if they are to be asked. Where
// remembering is switched off, nothing is remembered.
func (s *prompts) rememberedAnswer(v *Visit, who session.Identity) *session.Kind {
	kind, _ := s.rememberedUntil(v, who)
	return kind
}

// rememberedUntil is rememberedAnswer with the time until which it holds.
func (s *prompts) rememberedUntil(v *Visit, who session.Identity) (*session.Kind, time.Time) {
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

func (s *prompts) rememberAnswer(w http.ResponseWriter, v *Visit, who session.Identity, kind session.Kind) {
	if s.Prompt.RememberAnswer <= 0 {
		return
	}
	keep := make([]remembered, 0, maxRemembered)
	for _, a := range s.answers(v) {
		if a.Person != personHash(who) {
			keep = append(keep, a)
		}
	}
	if len(keep) >= maxRemembered {
		keep = keep[len(keep)-maxRemembered+1:]
	}
	keep = append(keep, remembered{
		Person: personHash(who), Yes: kind == session.Persistent, Expires: s.Now().Add(s.Prompt.RememberAnswer).Unix(),
	})
	s.keepAnswers(w, v, keep, s.Prompt.RememberAnswer)
}

func (s *prompts) keepAnswers(w http.ResponseWriter, v *Visit, keep []remembered, lifetime time.Duration) {
	plain, err := json.Marshal(keep)
	if err != nil {
		return
	}
	sealed := s.Keys.Seal(keyring.PurposeAnswer, plain, v.Host, browser.AnswerCookie)
	browser.SetCookie(w, v.Secure, browser.AnswerCookie, base64.RawURLEncoding.EncodeToString(sealed), lifetime)
}

// forgetAnswer takes this person's answer out of the browser (A10). The cookie goes, unless it holds answers of others who
// share the browser.
func (s *prompts) forgetAnswer(w http.ResponseWriter, v *Visit, who session.Identity) {
	var keep []remembered
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

// browserIndex lists who has signed in with a browser of late.
func browserIndex(id string) session.Key { return session.HashKey("b", id) }

func personOf(who *session.Record) session.Key {
	return session.HashKey("u", who.Identity.Issuer, who.Identity.Subject)
}

// sharedBrowser reports whether so many people have signed in with this browser, this one included, that it counts as a
// shared device (A7). Clearing the cookies defeats it; all it hides is a convenience. used is to be listed with whatever
// the sign-in is kept as, and says that this person has signed in with it; it is told also where the rest cannot be.
func (s *prompts) sharedBrowser(r *http.Request, v *Visit, who *session.Record) (shared bool, used []session.Listing, err error) {
	if s.Prompt.SharedUsers <= 0 {
		return false, nil, nil
	}
	index, person := browserIndex(who.BrowserID), personOf(who)
	used = []session.Listing{{Index: index, Member: person, Until: s.Now().Add(s.Prompt.SharedWindow)}}
	var people []session.Key
	if _, known := browser.ID(s.Keys, v.Host, &v.Cookies); known { // else its id is a moment old, so nobody else has used it
		ctx, cancel := detach(r, storeTimeout)
		defer cancel()
		if people, err = s.Store.Members(ctx, index, time.Time{}, s.Prompt.SharedUsers); err != nil {
			return false, used, fmt.Errorf("counting people of browser: %w", err)
		}
	}
	if !slices.Contains(people, person) {
		people = append(people, person)
	}
	return len(people) >= s.Prompt.SharedUsers, used, nil
}

// isSharedBrowser is sharedBrowser of somebody who has signed in before. What cannot be told counts as shared.
func (s *prompts) isSharedBrowser(r *http.Request, who *session.Record) bool {
	if s.Prompt.SharedUsers <= 0 {
		return false
	}
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	people, err := s.Store.Members(ctx, browserIndex(who.BrowserID), time.Time{}, s.Prompt.SharedUsers)
	return err != nil || len(people) >= s.Prompt.SharedUsers
}
