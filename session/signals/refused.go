package signals

// Code is why an event is refused, in the words of RFC 8935, section 2.4.
type Code string

// The codes.
const (
	InvalidRequest       Code = "invalid_request"
	InvalidKey           Code = "invalid_key"
	InvalidIssuer        Code = "invalid_issuer"
	InvalidAudience      Code = "invalid_audience"
	AuthenticationFailed Code = "authentication_failed"
)

// Refused is why an event is refused. Description is always one of our own texts, never a part of the event.
type Refused struct {
	Code        Code
	Description string
}

// Error implements error.
func (e *Refused) Error() string { return e.Description }

func refuse(code Code, description string) error { return &Refused{code, description} }

func malformed(description string) error { return refuse(InvalidRequest, description) }
