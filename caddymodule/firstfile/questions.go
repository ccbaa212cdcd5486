package firstfile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
)

// maxLine is the longest answer that is read, in bytes.
const maxLine = 4096

// maxTries is how often a question is asked whose answers are wrong, so that input that never fits ends.
const maxTries = 5

// ErrNoAnswer is returned if the input ends before everything is answered, or if an answer is wrong maxTries times.
var ErrNoAnswer = errors.New("there is no answer that can be used")

// Questions asks for answers in a terminal.
type Questions struct {
	In  io.Reader
	Out io.Writer
	// Provider looks at an issuer that was just given: its error is what an operator is told before being asked again. Nil
	// looks at none.
	Provider func(ctx context.Context, issuer string) error

	lines *bufio.Scanner
}

// Complete asks for what is missing in the answers, and leaves alone what is given.
func (q *Questions) Complete(ctx context.Context, a *Answers) error {
	q.lines = bufio.NewScanner(q.In)
	q.lines.Buffer(make([]byte, 0, 256), maxLine)
	whole := len(a.missing()) == 0
	if a.Issuer == "" {
		err := q.ask("The issuer of your OpenID provider, such as https://login.example.com", "", func(text string) error {
			if text == "" {
				return errors.New("without a provider there is no sign-in")
			}
			if err := CheckIssuer(text); err != nil {
				return err
			}
			a.Issuer = text
			if q.Provider == nil {
				return nil
			}
			return q.Provider(ctx, text)
		})
		if err != nil {
			return err
		}
	}
	if a.ClientID == "" {
		err := q.ask("The client ID of this gateway at the provider", "", func(text string) error {
			if text == "" {
				return errors.New("without a client ID there is no sign-in")
			}
			a.ClientID = text
			return checkClientID(text)
		})
		if err != nil {
			return err
		}
	}
	if !whole && a.SecretFile == "" {
		err := q.ask("The file with the client secret. Leave it empty if the environment variable "+SecretVariable+" has the secret", "", func(text string) error {
			a.SecretFile = text
			return checkSecretFile(text)
		})
		if err != nil {
			return err
		}
	}
	if len(a.Sites) == 0 {
		if err := q.sites(a); err != nil {
			return err
		}
	}
	if whole || a.Store != "" {
		return nil
	}
	return q.ask("Where to keep sessions: file, or the address of a Redis such as redis://redis.internal:6379/0", StoreFile, func(text string) error {
		a.Store = text
		return checkStore(text)
	})
}

func (q *Questions) sites(a *Answers) error {
	for {
		question := "The address of a site to protect, such as wiki.example.com"
		if len(a.Sites) > 0 {
			question = "Another site. Leave it empty if there is none"
		}
		var s Site
		err := q.ask(question, "", func(text string) error {
			s.Address = text
			switch {
			case text == "" && len(a.Sites) == 0:
				return errors.New("without a site nothing is protected")
			case text == "":
				return nil
			}
			return CheckAddress(text)
		})
		if err != nil {
			return err
		}
		if s.Address == "" {
			return nil
		}
		err = q.ask("The address of the app behind "+s.Address+", such as 127.0.0.1:8000", "", func(text string) error {
			s.Upstream = text
			return CheckUpstream(text)
		})
		if err != nil {
			return err
		}
		a.Sites = append(a.Sites, s)
	}
}

// ask asks one question until accept takes the answer.
func (q *Questions) ask(question, usual string, accept func(string) error) error {
	if usual != "" {
		question += " [" + usual + "]"
	}
	for range maxTries {
		if _, err := fmt.Fprintf(q.Out, "%s\n> ", question); err != nil {
			return err
		}
		if !q.lines.Scan() {
			_, _ = fmt.Fprintln(q.Out)
			return errors.Join(ErrNoAnswer, q.lines.Err())
		}
		text := strings.TrimSpace(q.lines.Text())
		if text == "" {
			text = usual
		}
		err := accept(text)
		if err == nil {
			return nil
		}
		if _, err := fmt.Fprintf(q.Out, "  %s\n", terminal.Printable(err.Error())); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", question, ErrNoAnswer)
}
