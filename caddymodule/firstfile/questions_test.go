package firstfile

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// asked has a user type the lines, and returns what was shown.
func asked(t *testing.T, a *Answers, lines ...string) (shown string, err error) {
	t.Helper()
	var out strings.Builder
	q := Questions{In: strings.NewReader(strings.Join(lines, "\n") + "\n"), Out: &out, Provider: func(_ context.Context, issuer string) error {
		if issuer == "https://down.example.com" {
			return errors.New("status 502")
		}
		return nil
	}}
	err = q.Complete(t.Context(), a)
	return out.String(), err
}

func TestQuestions(t *testing.T) {
	var a Answers
	shown, err := asked(t, &a,
		"", "login.example.com", "https://down.example.com", "https://login.example.com",
		"gateway",
		"secret", "/run/secrets/client",
		"wiki.example.com", "127.0.0.1", "127.0.0.1:8000",
		"git.example.com", "http://git",
		"",
		"")
	want := Answers{
		Issuer: "https://login.example.com", ClientID: "gateway", SecretFile: "/run/secrets/client", Store: StoreFile,
		Sites: []Site{{"wiki.example.com", "127.0.0.1:8000"}, {"git.example.com", "http://git"}},
	}
	if err != nil || !reflect.DeepEqual(a, want) {
		t.Errorf("%v: %+v", err, a)
	}
	if err := a.Check(); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"without a provider", "is no address", "status 502", "must be absolute", "want host:port", "behind wiki.example.com", "[file]"} {
		if !strings.Contains(shown, text) {
			t.Errorf("%q is not said: %s", text, shown)
		}
	}
}

// What the flags give is not asked, and a whole set of flags asks nothing.
func TestQuestionsThatFlagsAnswer(t *testing.T) {
	a := good()
	if shown, err := asked(t, &a); err != nil || shown != "" {
		t.Errorf("%v: %s", err, shown)
	}
	a.ClientID, a.Store = "", StoreFile
	shown, err := asked(t, &a, "gateway", "")
	if err != nil || a.ClientID != "gateway" || strings.Contains(shown, "issuer") || strings.Contains(shown, "site") || strings.Contains(shown, "sessions") {
		t.Errorf("%v: %s", err, shown)
	}
}

func TestQuestionsEnd(t *testing.T) {
	if _, err := asked(t, new(Answers), "https://login.example.com"); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("the input ends: %v", err)
	}
	if _, err := asked(t, new(Answers), strings.Repeat("no\n", 20)); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("no answer fits: %v", err)
	}
	if _, err := asked(t, new(Answers), strings.Repeat("x", 2*maxLine)); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("an endless line: %v", err)
	}
	// What a provider answers cannot control the terminal.
	var out strings.Builder
	q := Questions{In: strings.NewReader("https://login.example.com\n"), Out: &out, Provider: func(context.Context, string) error { return errors.New("status \x1b[2J") }}
	if err := q.Complete(t.Context(), new(Answers)); err == nil || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%v: %q", err, out.String())
	}
}
