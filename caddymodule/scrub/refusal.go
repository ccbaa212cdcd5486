package scrub

// Refusal says why a request is answered with 400. It is a constant text, fit for a log field and for the person
// concerned: it never repeats what the client sent.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Word is the refusal as one word, for the field latchkey_reason of the access log.
func (r Refusal) Word() string {
	if word, ok := words[r]; ok {
		return word
	}
	return "bad_request"
}

// Refusals that only the rules of a site give a reason for, because one of them looks at what can be read in two ways.
const (
	// BadQuery: a query that Go does not parse.
	BadQuery = Refusal("the query cannot be parsed")
	// AmbiguousQuery: a name that a rule asks for stands twice with different values, or in another spelling.
	AmbiguousQuery = Refusal("the query says something twice that a rule looks at")
	// NeedlessEscape: a letter, digit or "-._~" as an escape, where a rule compares the target as text.
	NeedlessEscape = Refusal("the request target escapes what needs no escape")
	// AmbiguousHeader: a header that a rule looks at stands twice with different values, or in another spelling.
	AmbiguousHeader = Refusal("a header that a rule looks at is there in two ways")
	// AmbiguousHost: a host that is not in its canonical spelling, where a rule compares it.
	AmbiguousHost = Refusal("the host is not in its usual spelling")
	// UnreadableURL: what url_pattern cannot parse as a URL.
	UnreadableURL = Refusal("the address is no valid URL")
	// PathParameters: a rule holds for the path with its parameters (;x=1) and not for it without them, or the reverse.
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
