package scrub

// Refusal is the reason for a 400. It is a constant text for a log field and for the user: it never repeats what the
// client sent.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Word returns the refusal as one word, for the field latchkey_reason of the access log.
func (r Refusal) Word() string {
	if word, ok := words[r]; ok {
		return word
	}
	return "bad_request"
}

// Refusals that depend on the rules of a site: a rule reads something that has two readings.
const (
	// BadQuery: a query that Go cannot parse.
	BadQuery = Refusal("the query cannot be parsed")
	// AmbiguousQuery: a parameter that a rule reads occurs twice with different values, or in another spelling.
	AmbiguousQuery = Refusal("the query says something twice that a rule looks at")
	// NeedlessEscape: an escaped letter, digit or "-._~", if a rule compares the target as text.
	NeedlessEscape = Refusal("the request target escapes what needs no escape")
	// AmbiguousHeader: a header that a rule reads occurs twice with different values, or in another spelling.
	AmbiguousHeader = Refusal("a header that a rule looks at is there in two ways")
	// AmbiguousHost: a host that is not in its canonical form, if a rule compares it.
	AmbiguousHost = Refusal("the host is not in its usual spelling")
	// UnreadableURL: a URL that url_pattern cannot parse.
	UnreadableURL = Refusal("the address is no valid URL")
	// PathParameters: a rule matches the path with its parameters (;x=1) and not without them, or the reverse.
	PathParameters = Refusal("the path has parameters that a rule may not see past")
)

var words = map[Refusal]string{
	BadTarget: "bad_target", BadFragment: "fragment", BadEncoding: "bad_encoding", ControlCharacter: "control_character",
	Backslash: "backslash", EncodedSlash: "encoded_slash", DoubleSlash: "double_slash", DotSegment: "dot_segment",
	EmptyName: "empty_name", DoubleEncoding: "double_encoding", TrailingDot: "trailing_dot", StreamName: "stream_name",
	BadQuery: "bad_query", AmbiguousQuery: "ambiguous_query", NeedlessEscape: "needless_escape", AmbiguousHeader: "ambiguous_header",
	AmbiguousHost: "ambiguous_host", UnreadableURL: "unreadable_url", PathParameters: "path_parameters",
	BadHost: "bad_host", LowerCaseMethod: "method_case", BadProtocol: "bad_protocol",
}
