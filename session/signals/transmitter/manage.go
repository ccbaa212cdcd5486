package transmitter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// ErrNotOffered: the metadata of the transmitter does not have the endpoint that a request needs.
var ErrNotOffered = errors.New("the transmitter does not offer it")

// AnswerError is an answer of a transmitter that is not a success.
type AnswerError struct {
	// Status is the status code.
	Status int
	// Text is err and description of the body, or error and error_description; it is cut, and empty if the body has none.
	Text string
}

func (e *AnswerError) Error() string {
	text := fmt.Sprintf("the transmitter answers %d %s", e.Status, http.StatusText(e.Status))
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// Manager manages streams at a transmitter (Shared Signals Framework, section 8.1). It is safe for concurrent use.
//
// Its requests have credentials. They go to the endpoints of the metadata only, over https, and follow no redirect.
type Manager struct {
	Transmitter *Transmitter
	// Client adds the credentials. It must limit the time and the size of an answer, and follow no redirect, as that of
	// oidc.NewClient does.
	Client *http.Client
}

// Streams returns the streams of this client. There may be none.
func (m *Manager) Streams(ctx context.Context) ([]Stream, error) {
	var raw json.RawMessage
	if err := m.ask(ctx, http.MethodGet, configuration, "", nil, &raw); err != nil {
		return nil, err
	}
	// Without an ID the answer is an array. Transmitters that know one stream only answer with that.
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && trimmed[0] == '[' {
		var all []Stream
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, fmt.Errorf("reading streams: %w", err)
		}
		return all, nil
	}
	one := make([]Stream, 1)
	if err := json.Unmarshal(raw, &one[0]); err != nil {
		return nil, fmt.Errorf("reading stream: %w", err)
	}
	if one[0].ID == "" {
		return nil, errors.New("reading stream: stream_id is missing")
	}
	return one, nil
}

// Stream returns one stream.
func (m *Manager) Stream(ctx context.Context, id string) (*Stream, error) {
	s := new(Stream)
	if err := m.ask(ctx, http.MethodGet, configuration, id, nil, s); err != nil {
		return nil, err
	}
	return s, nil
}

// Wanted is what a receiver chooses of a stream.
type Wanted struct {
	ID          string    `json:"stream_id,omitempty"`
	Requested   []string  `json:"events_requested,omitempty"`
	Delivery    *Delivery `json:"delivery,omitempty"`
	Description string    `json:"description,omitempty"`
}

// Create creates a stream.
func (m *Manager) Create(ctx context.Context, w Wanted) (*Stream, error) {
	s := new(Stream)
	if err := m.ask(ctx, http.MethodPost, configuration, "", &w, s); err != nil {
		return nil, err
	}
	if s.ID == "" {
		return nil, errors.New("reading stream: stream_id is missing")
	}
	return s, nil
}

// Update changes what Wanted has of a stream and leaves the rest. Wanted.ID must be set.
func (m *Manager) Update(ctx context.Context, w Wanted) (*Stream, error) {
	s := new(Stream)
	if err := m.ask(ctx, http.MethodPatch, configuration, "", &w, s); err != nil {
		return nil, err
	}
	return s, nil
}

// Delete deletes a stream. No events arrive any more.
func (m *Manager) Delete(ctx context.Context, id string) error {
	return m.ask(ctx, http.MethodDelete, configuration, id, nil, nil)
}

// Status returns the status of a stream.
func (m *Manager) Status(ctx context.Context, id string) (*Status, error) {
	s := new(Status)
	if err := m.ask(ctx, http.MethodGet, status, id, nil, s); err != nil {
		return nil, err
	}
	return s, nil
}

// SetStatus sets the status of a stream.
func (m *Manager) SetStatus(ctx context.Context, s Status) error {
	return m.ask(ctx, http.MethodPost, status, "", &s, nil)
}

// Verify asks for a verification: an event that arrives as all others do, with the given state. The transmitter refuses
// with 429 if it is asked more often than min_verification_interval permits.
func (m *Manager) Verify(ctx context.Context, id, state string) error {
	return m.ask(ctx, http.MethodPost, verification, "", map[string]string{"stream_id": id, "state": state}, nil)
}

// AddSubject asks for events about a subject (RFC 9493), for transmitters with default_subjects NONE.
func (m *Manager) AddSubject(ctx context.Context, id string, subject json.RawMessage) error {
	return m.ask(ctx, http.MethodPost, addSubject, "", map[string]any{"stream_id": id, "subject": subject, "verified": true}, nil)
}

// RemoveSubject asks for no more events about a subject. The transmitter may send some for a while.
func (m *Manager) RemoveSubject(ctx context.Context, id string, subject json.RawMessage) error {
	return m.ask(ctx, http.MethodPost, removeSubject, "", map[string]any{"stream_id": id, "subject": subject}, nil)
}

// endpoint is one of the endpoints of the metadata.
type endpoint struct {
	name string
	of   func(*Metadata) string
}

var (
	configuration = endpoint{"configuration_endpoint", func(m *Metadata) string { return m.ConfigurationEndpoint }}
	status        = endpoint{"status_endpoint", func(m *Metadata) string { return m.StatusEndpoint }}
	verification  = endpoint{"verification_endpoint", func(m *Metadata) string { return m.VerificationEndpoint }}
	addSubject    = endpoint{"add_subject_endpoint", func(m *Metadata) string { return m.AddSubjectEndpoint }}
	removeSubject = endpoint{"remove_subject_endpoint", func(m *Metadata) string { return m.RemoveSubjectEndpoint }}
)

// ask sends a request to an endpoint. An ID, if given, is a parameter of the query. body is sent as JSON, and the answer
// is read into to, unless they are nil.
func (m *Manager) ask(ctx context.Context, method string, at endpoint, id string, body, to any) error {
	address, err := m.address(ctx, at, id)
	if err != nil {
		return err
	}
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, sent)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := m.Client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", at.name, oidc.Truncated(err))
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return fmt.Errorf("%s: %w", at.name, &AnswerError{resp.StatusCode, said(raw)})
	case err != nil:
		return fmt.Errorf("%s: %w", at.name, err)
	case to == nil:
		return nil
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("%s: reading answer: %w", at.name, err)
	}
	return nil
}

// address returns the address of an endpoint, with an ID in its query if one is given.
func (m *Manager) address(ctx context.Context, at endpoint, id string) (string, error) {
	meta, err := m.Transmitter.Metadata(ctx)
	if err != nil {
		return "", err
	}
	raw := at.of(meta)
	if raw == "" {
		return "", fmt.Errorf("%w: its metadata has no %s", ErrNotOffered, at.name)
	}
	if err := reach.CheckEndpoint(raw); err != nil {
		return "", fmt.Errorf("metadata of the transmitter: %s: %w", at.name, err)
	}
	if id == "" {
		return raw, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("stream_id", id)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// maxSaid limits what of an error is repeated.
const maxSaid = 200

// said returns what the body of an error says: err and description (RFC 8935), or error and error_description (RFC 6749).
func said(raw []byte) string {
	var body struct {
		Err              string `json:"err"`
		Description      string `json:"description"`
		Error            string `json:"error"`
		ErrorDescription string `json:"error_description"`
	}
	if json.Unmarshal(raw, &body) != nil {
		return ""
	}
	text := strings.TrimSpace(strings.Join([]string{body.Err, body.Error, body.Description, body.ErrorDescription}, " "))
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	return strings.ToValidUTF8(text[:min(len(text), maxSaid)], "")
}
