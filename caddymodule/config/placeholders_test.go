package config

import "testing"

// Braces that are no placeholders stay, as in the parameter claims; what looks like a placeholder and has no value is refused.
func TestResolveSome(t *testing.T) {
	t.Setenv("LATCHKEY_WORD", "x{y}")
	t.Setenv("LATCHKEY_EMPTY", "")
	for in, want := range map[string]string{
		`{"id_token":{"acr":{"values":["a"]}}}`: `{"id_token":{"acr":{"values":["a"]}}}`,
		`{"a":"{env.LATCHKEY_WORD}"}`:           `{"a":"x{y}"}`,
		"a{}b{ c }":                             "a{}b{ c }",
		"{client_id}":                           "{client_id}",
		"{env.LATCHKEY_EMPTY}":                  "",
		"{http.request.host}":                   "",
		"{file./nothing/there}":                 "",
		"{uri}":                                 "",
	} {
		if got, err := resolveSome("word", in, "client_id"); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}
