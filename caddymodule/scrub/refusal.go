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

var words = map[Refusal]string{
	BadTarget: "bad_target", BadFragment: "fragment", BadEncoding: "bad_encoding", ControlCharacter: "control_character",
	Backslash: "backslash", EncodedSlash: "encoded_slash", DoubleSlash: "double_slash", DotSegment: "dot_segment",
	EmptyName: "empty_name", DoubleEncoding: "double_encoding", TrailingDot: "trailing_dot", StreamName: "stream_name",
	BadHost: "bad_host", LowerCaseMethod: "method_case", BadProtocol: "bad_protocol",
}
