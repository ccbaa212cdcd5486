package adminapi

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

	"github.com/latchkey-gateway/latchkey/caddymodule/terminal"
)

// Client sends requests to the admin API of a running server. It finds the server as Caddy's commands `trust` and
// `reload` do.
type Client struct {
	Address, Config, Adapter string

	// Patience is how long to wait for an answer; default AdminPatience.
	Patience time.Duration

	found string // the address, once it was looked for
}

const (
	// maxAdminAnswer is the largest answer that is read.
	maxAdminAnswer = 128 << 20
	// AdminPatience is how long a command waits for an answer by default.
	AdminPatience = 30 * time.Second
)

// Flags adds the flags that select the server.
func (c *Client) Flags(f *pflag.FlagSet) {
	f.StringVar(&c.Address, "address", "", "the admin address of the server; default: this machine's")
	f.StringVarP(&c.Config, "config", "c", "", "take the admin address from this configuration")
	f.StringVarP(&c.Adapter, "adapter", "a", "", "what the configuration is written in; default: by its name")
}

// Refusal is the server's error answer to a request.
type Refusal struct {
	Status  int
	message string
}

func (r *Refusal) Error() string { return r.message }

// unreachable is the error if the server does not answer.
type unreachable struct {
	address string
	cause   error
}

func (u *unreachable) Error() string {
	return fmt.Sprintf("no answer from the admin API at %s; does the server run, and is this its --address? %v", u.address, u.cause)
}

func (u *unreachable) Unwrap() error { return u.cause }

// Temporary reports whether the same request may succeed later: the server restarts, reloads or waits for its store.
func Temporary(err error) bool {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Status >= http.StatusInternalServerError || r.Status == http.StatusNotFound
	}
	return errors.As(err, new(*unreachable))
}

// Get sends a GET and decodes the JSON answer.
func (c *Client) Get(ctx context.Context, path string, query url.Values, answer any) error {
	return c.Ask(ctx, http.MethodGet, path, query, nil, answer)
}

// Ask sends a request with any method, and a JSON body unless question is nil. If the server refuses, that is the
// error.
func (c *Client) Ask(ctx context.Context, method, path string, query url.Values, question, answer any) error {
	if c.found == "" {
		if c.Address != "" && c.Config != "" {
			return errors.New("give --address or --config, not both")
		}
		address, err := caddycmd.DetermineAdminAPIAddress(c.Address, nil, c.Config, c.Adapter)
		if err != nil {
			return fmt.Errorf("finding the admin address: %w", OneLine(err))
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
	go func() { // Caddy's client does not support a context
		body, err := fetch(c.found, method, path, body)
		done <- result{body, err}
	}()
	patience := c.Patience
	if patience == 0 {
		patience = AdminPatience
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

// asRefusal matches the error of Caddy's client for an error answer.
var asRefusal = regexp.MustCompile(`(?s)HTTP (\d{3}): (.*)`)

func fetch(address, method, path string, question []byte) ([]byte, error) {
	// Each request uses a new client there, and would leave a connection open.
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
		return nil, &unreachable{address, OneLine(err)}
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAdminAnswer))
	if err != nil {
		return nil, &unreachable{address, OneLine(err)}
	}
	return answer, nil
}

func refusalOf(address, status, body string) error {
	r := new(Refusal)
	r.Status, _ = strconv.Atoi(status) // three digits
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(body), &said) == nil && said.Error != "" {
		r.message = terminal.Printable(said.Error)
		return r
	}
	r.message = fmt.Sprintf("the admin API at %s answers %s", address, status)
	if r.Status == http.StatusNotFound {
		r.message += "; is it a server with Latchkey?"
	}
	return r
}

// OneLine returns err with its text on one line, for commands that print it.
func OneLine(err error) error { return errors.New(strings.Join(strings.Fields(err.Error()), " ")) }
