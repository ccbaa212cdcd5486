package pagestest

import (
	"time"

	"github.com/latchkey-gateway/latchkey/session/pages"
)

// Sample is a page as people would meet it.
type Sample struct {
	Name string
	Page pages.Page
}

// Gallery returns every page type, full and bare, and every kind of problem and refusal.
func Gallery() []Sample {
	const (
		user   = "ada.lovelace@example.com"
		csrf   = "csrf-canary-4f1d"
		action = "/.latchkey/sign-in?return=%2Fhandbook"
		id     = "7d1c64e2f09b4a6f"
		day    = 24 * time.Hour
	)
	prompt := pages.Prompt{
		UserName: user, AppName: "wiki", CSRF: csrf, RememberFor: 180 * day,
		BrowserIdle: day, BrowserMax: 7 * day, PersistentIdle: 90 * day, PersistentMax: 180 * day,
	}
	full := prompt
	full.AdminText = "Shared desks in the reading room: please answer no.\nThe service desk helps on extension 4711."
	full.TooLong = true
	full.UserName = "augusta.ada.king.countess.of.lovelace@analytical-engines.research.example.com"
	bound := prompt
	bound.UnboundIdle, bound.UnboundMax = 7*day, 30*day
	ends := prompt
	ends.UnboundEnds = true
	unlimited := pages.Prompt{CSRF: csrf}
	blocked := pages.Blocked{
		PolicyNames: []string{"contractors-on-site-only", "mfa-outside-office"}, Code: 53003, Reason: "blocked_by_policy",
		RequestID: id, Time: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC), UserName: user,
		SwitchURL: action, RetryURL: action,
	}
	samples := []Sample{
		{"chooser", pages.Chooser{AppName: "wiki", Providers: []pages.Choice{
			{Name: "staff", Title: "Example staff", URL: action + "&provider=staff", Last: true},
			{Name: "partners", Title: "Partners and suppliers", URL: action + "&provider=partners"},
			{Name: "guests", URL: action + "&provider=guests"},
		}}},
		{"prompt", prompt},
		{"prompt-full", full},
		{"prompt-unlimited", unlimited},
		{"prompt-bound", bound},
		{"prompt-bound-only", ends},
		{"sign-out", pages.SignOut{UserName: user, CSRF: csrf}},
		{"sign-out-everywhere", pages.SignOut{
			UserName: user, CSRF: csrf, Everywhere: true, HeldTokens: 2, BackURL: "/",
		}},
		{"signed-out", pages.SignedOut{SignInURL: action}},
		{"me", me(user, csrf)},
		{"me-bare", pages.Me{CSRF: csrf, Sessions: []pages.MySession{{ID: "bare-id", This: true}}, Unreadable: true, MoreSessions: true}},
		{"me-tokens", meTokens(user, csrf)},
		{"make-token", pages.MakeToken{
			UserName: user, CSRF: csrf, Once: "once-1", Name: "git on the laptop", App: "code", Apps: []string{"calendar", "code", "files"}, MaxName: 64,
			Fault: pages.TokenName,
		}},
		{"make-token-bare", pages.MakeToken{CSRF: csrf, Once: "once-2", Apps: []string{"code"}}},
		{"made-token", pages.MadeToken{
			UserName: user, Name: "git on the laptop", App: "code", Text: "lk_mzxw6ytboi2tkmrrgezdgnbvgy3tqojqmjqxgzlsmfw6",
			Expires: time.Date(2026, 6, 12, 15, 9, 26, 0, time.UTC),
		}},
		{"continue", pages.Continue{URL: "/handbook"}},
		{"again", pages.Again{URL: "/.latchkey/bound/retry?to=%2Fhandbook"}},
		{"too-long", pages.TooLong{URL: "/handbook"}},
		{"send-form", pages.SendForm{URL: "/notes/7?draft=1", AppName: "wiki", Token: csrf, Sent: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)}},
		{"done", pages.Done{}},
		{"framed-sign-in", pages.Framed{Why: pages.FrameSignIn, AppName: "wiki", URL: action}},
		{"framed-stronger", pages.Framed{Why: pages.FrameStronger, URL: action}},
		{"framed-elsewhere", pages.Framed{Why: pages.FrameElsewhere, URL: "/handbook", NewTab: true}},
		{"framed-blocked", pages.Framed{Instead: blocked, URL: "/handbook", NewTab: true}},
		{"framed-not-bound", pages.Framed{Instead: pages.Blocked{Title: pages.BlockBinding, Binding: pages.BindingWait}, URL: "/handbook", NewTab: true}},
		{"framed-down", pages.Framed{Instead: pages.Problem{Kind: pages.KindStoreDown, RetryAfter: 30 * time.Second}}},
		{"blocked", blocked},
		{"blocked-bare", pages.Blocked{}},
	}
	for _, b := range []pages.Block{
		pages.BlockNotAssigned, pages.BlockNetwork, pages.BlockDevice, pages.BlockGroups, pages.BlockRequirement,
	} {
		p := blocked
		p.Title, p.PolicyNames, p.RetryURL = b, p.PolicyNames[:1], ""
		if b == pages.BlockRequirement {
			p.RetryURL, p.Stronger, p.Missing, p.Reason, p.Code = action, true, []string{"amr"}, "requirement_not_shown", 50074
		}
		samples = append(samples, Sample{"blocked-" + string(b), p})
	}
	for _, b := range []pages.Binding{pages.BindingTrying, pages.BindingWait, pages.BindingAgain, pages.BindingYes} {
		p := blocked
		p.Title, p.PolicyNames, p.Binding, p.Code, p.Reason = pages.BlockBinding, p.PolicyNames[:1], b, 50155, "binding_required"
		if b == pages.BindingTrying || b == pages.BindingWait {
			p.RetryURL = ""
		}
		if b == pages.BindingTrying {
			p.NextURL = "/.latchkey/bound/wait?to=%2Fhandbook"
		}
		samples = append(samples, Sample{"blocked-binding-" + string(b), p})
	}
	for _, k := range []pages.Kind{
		pages.KindIDPDown, pages.KindClaimsOld, pages.KindNoAccessToken, pages.KindStoreDown, pages.KindFlowLost, pages.KindBadRequest, pages.KindStaleForm,
		pages.KindTooMany, pages.KindLateAnswer, pages.KindEnded, pages.KindEndedByProvider, pages.KindLoop, pages.KindProviderError, pages.KindDeclined,
		pages.KindCancelled, pages.KindInsecure, pages.KindNotFound, pages.KindMethod, pages.KindInternal,
	} {
		p := pages.Problem{Kind: k, RequestID: id, ActionURL: action, HomeURL: "/", Time: blocked.Time}
		if k == pages.KindIDPDown || k == pages.KindClaimsOld || k == pages.KindNoAccessToken || k == pages.KindStoreDown || k == pages.KindTooMany {
			p.RetryAfter, p.Code = 30*time.Second, 900002
		}
		if k == pages.KindEndedByProvider {
			p.Why, p.Code = pages.WhyAccount, 50173
		}
		samples = append(samples, Sample{"problem-" + string(k), p})
	}
	return samples
}
