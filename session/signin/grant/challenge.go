package grant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// maxChallenge is the longest claims challenge: it is part of a cookie and of a URL.
const maxChallenge = 1024

// challengeOf parses the member claims of a refusal: a string that is a JSON object, or the object itself. It returns
// nothing for anything else, or if it is too large.
func challengeOf(raw json.RawMessage) string {
	if s := text(raw); s != "" {
		raw = json.RawMessage(s)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || len(object) == 0 {
		return ""
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil || compact.Len() > maxChallenge {
		return ""
	}
	return compact.String()
}

// MergeClaims merges two values of the parameter claims (OpenID Connect Core, section 5.5), each a JSON object or
// empty, into one that requests everything in either. If both request values of the same claim, each value is
// requested.
func MergeClaims(one, other string) (string, error) {
	if one == "" || other == "" {
		return one + other, nil
	}
	var a, b map[string]map[string]json.RawMessage
	if err := json.Unmarshal([]byte(one), &a); err != nil {
		return "", fmt.Errorf("claims parameter: %w", err)
	}
	if err := json.Unmarshal([]byte(other), &b); err != nil {
		return "", fmt.Errorf("claims parameter: %w", err)
	}
	if a == nil || b == nil {
		return "", errors.New("claims parameter is no object")
	}
	for where, wanted := range b {
		if a[where] == nil {
			a[where] = wanted
			continue
		}
		for claim, how := range wanted {
			a[where][claim] = mergeClaim(a[where][claim], how)
		}
	}
	merged, err := json.Marshal(a)
	return string(merged), err
}

// mergeClaim merges two requests for one claim: null, or an object with essential, value or values.
func mergeClaim(one, other json.RawMessage) json.RawMessage {
	var a, b map[string]json.RawMessage
	if json.Unmarshal(one, &a) != nil || a == nil {
		return other // requested by the other alone, or without conditions
	}
	if json.Unmarshal(other, &b) != nil || b == nil {
		return one
	}
	values := append(valuesOf(a), valuesOf(b)...)
	for name, value := range b {
		if a[name] == nil || name == "essential" && string(value) == "true" {
			a[name] = value
		}
	}
	delete(a, "value")
	delete(a, "values")
	switch values = distinct(values); len(values) {
	case 0:
	case 1:
		a["value"] = values[0]
	default:
		list, err := json.Marshal(values)
		if err != nil {
			return one
		}
		a["values"] = list
	}
	merged, err := json.Marshal(a)
	if err != nil {
		return one
	}
	return merged
}

func valuesOf(claim map[string]json.RawMessage) (values []json.RawMessage) {
	if v := claim["value"]; v != nil {
		values = append(values, v)
	}
	var list []json.RawMessage
	if json.Unmarshal(claim["values"], &list) == nil {
		values = append(values, list...)
	}
	return values
}

func distinct(values []json.RawMessage) (out []json.RawMessage) {
	seen := map[string]bool{}
	for _, v := range values {
		if !seen[string(v)] {
			seen[string(v)] = true
			out = append(out, v)
		}
	}
	return out
}
