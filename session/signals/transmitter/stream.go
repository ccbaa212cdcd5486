package transmitter

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// The methods of delivery (Shared Signals Framework, section 6.1).
const (
	PushDelivery = "urn:ietf:rfc:8935"
	PollDelivery = "urn:ietf:rfc:8936"
)

// Stream is a stream as its transmitter describes it (Shared Signals Framework, section 8.1.1).
type Stream struct {
	ID       string   `json:"stream_id"`
	Issuer   string   `json:"iss"`
	Audience Audience `json:"aud"`
	// Supported are the events that the transmitter can send, Requested those that were asked for, Delivered those that it
	// sends. All are URIs.
	Supported []string `json:"events_supported,omitempty"`
	Requested []string `json:"events_requested,omitempty"`
	Delivered []string `json:"events_delivered,omitempty"`
	Delivery  Delivery `json:"delivery"`
	// MinVerification is the shortest interval between two requests for a verification, in seconds; zero if the
	// transmitter names none.
	MinVerification int64 `json:"min_verification_interval,omitempty"`
	// Inactivity is after how many seconds without a request of the receiver the transmitter may pause or delete the
	// stream; zero if the transmitter names none.
	Inactivity  int64  `json:"inactivity_timeout,omitempty"`
	Description string `json:"description,omitempty"`
}

// VerificationInterval returns MinVerification as a duration.
func (s *Stream) VerificationInterval() time.Duration { return seconds(s.MinVerification) }

// InactivityTimeout returns Inactivity as a duration.
func (s *Stream) InactivityTimeout() time.Duration { return seconds(s.Inactivity) }

// maxSeconds is a year. Longer intervals of a transmitter count as a year.
const maxSeconds = 366 * 24 * 3600

func seconds(n int64) time.Duration { return time.Duration(min(max(n, 0), maxSeconds)) * time.Second }

// Delivery is how events of a stream arrive.
type Delivery struct {
	// Method is PushDelivery or PollDelivery.
	Method string `json:"method"`
	// Endpoint is our address for push, and the transmitter's for poll.
	Endpoint string `json:"endpoint_url,omitempty"`
	// Authorization is what the transmitter sends as Authorization with push. It is a secret. Transmitters are not to
	// return it.
	Authorization string `json:"authorization_header,omitempty"`
}

// Audience is a string or an array of strings.
type Audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *Audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = Audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// Status is the state of a stream (Shared Signals Framework, section 8.1.2.1).
type Status struct {
	Stream string `json:"stream_id"`
	// Status is enabled, paused or disabled.
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// The values of Status.
const (
	Enabled  = "enabled"
	Paused   = "paused"
	Disabled = "disabled"
)

// The errors of Choose.
var (
	ErrNoStream    = errors.New("the transmitter has no stream for this client")
	ErrManyStreams = errors.New("the transmitter has several streams that may be meant")
)

// Choose returns the stream that is meant: the one with an ID if an ID is given. Else it is the only one for one of our
// audiences, or the only one at all, because a transmitter may not yet have the audience that the configuration has.
func Choose(streams []Stream, id string, audience []string) (*Stream, error) {
	fits := func(s *Stream) bool { return s.ID == id }
	if id == "" {
		fits = func(s *Stream) bool {
			return slices.ContainsFunc(s.Audience, func(aud string) bool { return slices.Contains(audience, aud) })
		}
	}
	var found []*Stream
	for i := range streams {
		if fits(&streams[i]) {
			found = append(found, &streams[i])
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, ErrManyStreams
	case id == "" && len(streams) == 1:
		return &streams[0], nil
	case id == "" && len(streams) > 1:
		return nil, ErrManyStreams
	}
	return nil, ErrNoStream
}
