package claim

import (
	"bytes"
	"encoding/json"
)

// Parse reads a JSON object. The values are parts of raw, which must not change afterwards.
func Parse(raw []byte) (map[string]json.RawMessage, error) {
	if m, ok := members(raw); ok {
		return m, nil
	}
	var m map[string]json.RawMessage
	err := json.Unmarshal(raw, &m)
	return m, err
}

// members splits an object into its members without decoding what is in them: an answer or a token has few members that
// are read, and each is read by itself. It gives what json.Unmarshal gives. ok is false for what it leaves to
// json.Unmarshal: anything that is no valid object, and names with an escape or other characters than ASCII.
func members(raw []byte) (m map[string]json.RawMessage, ok bool) {
	if !json.Valid(raw) {
		return nil, false
	}
	at := space(raw, 0)
	if raw[at] != '{' {
		return nil, false
	}
	m = make(map[string]json.RawMessage, min(bytes.Count(raw, []byte(`":`)), usualMembers))
	for at = space(raw, at+1); raw[at] != '}'; at = space(raw, at) {
		if raw[at] == ',' {
			at = space(raw, at+1)
		}
		end := afterString(raw, at)
		if !isPlain(raw[at:end]) {
			return nil, false
		}
		name, known := usualNames[string(raw[at+1:end-1])]
		if !known {
			name = string(raw[at+1 : end-1])
		}
		at = space(raw, space(raw, end)+1) // behind the colon
		end = afterValue(raw, at)
		m[name] = raw[at:end:end]
		at = end
	}
	return m, true
}

// usualMembers is how many members there is room for at first.
const usualMembers = 16

// usualNames are what most tokens and answers have. They need no memory.
var usualNames = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"alg", "kid", "typ", "access_token", "token_type", "refresh_token", "id_token", "expires_in", "scope", "iss", "sub", "aud", "azp", "exp", "iat", "nbf",
		"jti", "nonce", "at_hash", "s_hash", "auth_time", "acr", "amr", "sid", "name", "given_name", "family_name", "email", "email_verified",
		"preferred_username", "groups", "roles", "oid", "tid", "upn", "ver", "updated_at", "locale", "picture",
	} {
		m[name] = name
	}
	return m
}()

// The following take valid JSON, and return where something ends.

func space(raw []byte, at int) int {
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\n' || raw[at] == '\t' || raw[at] == '\r') {
		at++
	}
	return at
}

func afterString(raw []byte, at int) int {
	for at++; raw[at] != '"'; at++ {
		if raw[at] == '\\' {
			at++
		}
	}
	return at + 1
}

func afterValue(raw []byte, at int) int {
	switch raw[at] {
	case '"':
		return afterString(raw, at)
	case '{', '[':
		for depth := 0; ; {
			switch raw[at] {
			case '"':
				at = afterString(raw, at)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return at + 1
				}
			}
			at++
		}
	}
	for at < len(raw) && raw[at] != ',' && raw[at] != '}' && raw[at] != ']' && space(raw, at) == at {
		at++
	}
	return at
}

// plainString decodes a JSON string of printable ASCII without escapes. ok is false for anything else.
func plainString(raw []byte) (text string, ok bool) {
	if !isPlain(raw) {
		return "", false
	}
	return string(raw[1 : len(raw)-1]), true
}

func isPlain(raw []byte) bool {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return false
	}
	for _, c := range raw[1 : len(raw)-1] {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// plainList decodes a JSON array of such strings, and nothing else.
func plainList(raw []byte) (values []string, ok bool) {
	if len(raw) == 0 || raw[0] != '[' || !json.Valid(raw) {
		return nil, false
	}
	values = make([]string, 0, len(raw)/32+1)
	text := string(raw) // of which the values are parts
	for at := space(raw, 1); raw[at] != ']'; at = space(raw, at) {
		if raw[at] == ',' {
			at = space(raw, at+1)
		}
		if raw[at] != '"' {
			return nil, false
		}
		end := afterString(raw, at)
		if !isPlain(raw[at:end]) {
			return nil, false
		}
		values, at = append(values, text[at+1:end-1]), end
	}
	return values, true
}

// plainNumber reports whether raw is a whole number that is written as Scalar writes it.
func plainNumber(raw []byte) bool {
	const exact = 15 // digits that a float64 holds
	if len(raw) == 0 || len(raw) > exact || raw[0] == '0' && len(raw) > 1 {
		return false
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
