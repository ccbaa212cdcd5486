package caddymodule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/pflag"
)

// adminClient asks the admin API of a server that runs, found as `trust` and `reload` find it.
type adminClient struct {
	address, config, adapter string

	// patience is how long an answer is waited for; default adminPatience.
	patience time.Duration

	found string // the address, once it was looked for
}

const (
	// maxAdminAnswer bounds what is read of an answer.
	maxAdminAnswer = 128 << 20
	// adminPatience is how long a command waits for an answer.
	adminPatience = 30 * time.Second
)

// flags adds the flags that say which server is meant.
func (c *adminClient) flags(f *pflag.FlagSet) {
	f.StringVar(&c.address, "address", "", "the admin address of the server; default: this machine's")
	f.StringVarP(&c.config, "config", "c", "", "take the admin address from this configuration")
	f.StringVarP(&c.adapter, "adapter", "a", "", "what the configuration is written in; default: by its name")
}

// refused is the server's answer to a question that it did not take, or cannot answer now.
type refused struct {
	status  int
	message string
}

func (r *refused) Error() string { return r.message }

// unreachable is the error of a server that does not answer.
type unreachable struct {
	address string
	cause   error
}

func (u *unreachable) Error() string {
	return fmt.Sprintf("no answer from the admin API at %s; does the server run, and is this its --address? %v", u.address, u.cause)
}

func (u *unreachable) Unwrap() error { return u.cause }

// temporary reports whether the same question may be answered later: the server restarts, reloads or waits for its
// store.
func temporary(err error) bool {
	var r *refused
	if errors.As(err, &r) {
		return r.status >= http.StatusInternalServerError || r.status == http.StatusNotFound
	}
	return errors.As(err, new(*unreachable))
}

// get asks with GET and reads the JSON that comes.
func (c *adminClient) get(ctx context.Context, path string, query url.Values, answer any) error {
	return c.ask(ctx, http.MethodGet, path, query, nil, answer)
}

// ask asks with any method, and with a question in JSON unless it is nil. A refusal by the server is the error.
func (c *adminClient) ask(ctx context.Context, method, path string, query url.Values, question, answer any) error {
	if c.found == "" {
		if c.address != "" && c.config != "" {
			return errors.New("give --address or --config, not both")
		}
		address, err := caddycmd.DetermineAdminAPIAddress(c.address, nil, c.config, c.adapter)
		if err != nil {
			return fmt.Errorf("finding the admin address: %w", oneLine(err))
		}
		c.found = address
	}
	var body []byte
	if question != nil {
		var err error
		if body, err = json.Marshal(question); err != nil {
			return err
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	type result struct {
		body []byte
		err  error
	}
	done := make(chan result, 1)
	go func() { // Caddy's client knows no context
		body, err := fetch(c.found, method, path, body)
		done <- result{body, err}
	}()
	patience := c.patience
	if patience == 0 {
		patience = adminPatience
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-ctx.Done():
		return &unreachable{c.found, ctx.Err()}
	case r := <-done:
		if r.err != nil {
			return r.err
		}
		if err := json.Unmarshal(r.body, answer); err != nil {
			return fmt.Errorf("the answer of %s cannot be read: %w", c.found, err)
		}
		return nil
	}
}

// asRefusal is how Caddy's client tells an answer that is an error.
var asRefusal = regexp.MustCompile(`(?s)HTTP (\d{3}): (.*)`)

func fetch(address, method, path string, question []byte) ([]byte, error) {
	// Each request is a client of its own there, and would leave a connection behind.
	header := http.Header{"Connection": {"close"}}
	if who := operator(); who != "" {
		header.Set(operatorHeader, who)
	}
	var body io.Reader
	if question != nil {
		header.Set("Content-Type", "application/json")
		body = bytes.NewReader(question)
	}
	resp, err := caddycmd.AdminAPIRequest(address, method, path, header, body)
	if err != nil {
		if m := asRefusal.FindStringSubmatch(err.Error()); m != nil {
			return nil, refusalOf(address, m[1], m[2])
		}
		return nil, &unreachable{address, oneLine(err)}
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAdminAnswer))
	if err != nil {
		return nil, &unreachable{address, oneLine(err)}
	}
	return answer, nil
}

func refusalOf(address, status, body string) error {
	r := new(refused)
	r.status, _ = strconv.Atoi(status) // three digits
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(body), &said) == nil && said.Error != "" {
		r.message = printable(said.Error)
		return r
	}
	r.message = fmt.Sprintf("the admin API at %s answers %s", address, status)
	if r.status == http.StatusNotFound {
		r.message += "; is it a server with Latchkey?"
	}
	return r
}

func oneLine(err error) error { return errors.New(strings.Join(strings.Fields(err.Error()), " ")) }
